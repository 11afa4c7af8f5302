"""The organizer's desk: the pages from which events are made, sold and paid out (U-001..005)."""
