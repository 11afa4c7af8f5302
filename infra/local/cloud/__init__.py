"""Local servers that speak the real protocol of the Google services the product uses, durable in PostgreSQL."""
