"""Mails: enqueued in the transaction that gives the reason, sent later. It decides nothing about a sale."""
