"""The gate's pages: scanning at an entrance, and what its staff and organizer look up there (GATE, OFFLINE-1)."""
