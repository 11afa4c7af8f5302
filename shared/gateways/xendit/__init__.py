"""Xendit: invoices, refunds, payouts and bank account checks."""
