"""Tickets of paid orders: issued once, printed, let in once. It moves no money and sends no mail."""
