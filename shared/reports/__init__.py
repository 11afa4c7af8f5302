"""Reports and exports: an event's sales, its attendees, the platform's figures, the journal (AR-001..011, REP-1)."""
