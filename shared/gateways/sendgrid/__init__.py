"""SendGrid: sending mails, and its signed delivery events."""
