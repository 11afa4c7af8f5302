"""Buying by message (CHAT-1..5): senders, the conversation, and the messages between us."""
