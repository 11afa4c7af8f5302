"""What admins see of the platform and of others: what is wrong, search, and everything about one thing."""
