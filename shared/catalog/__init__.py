"""What is offered: events and their tiers, and finding them. It never touches what is held or sold."""
