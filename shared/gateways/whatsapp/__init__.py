"""WhatsApp's Cloud API: sending messages and media, and its signed webhooks."""
