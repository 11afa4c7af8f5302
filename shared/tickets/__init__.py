"""Tickets of paid orders: issued once, rendered, let in once. It moves no money and sends no mail."""
