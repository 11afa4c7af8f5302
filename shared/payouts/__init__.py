"""Payouts of organizers, the bank accounts they go to, and the bank transfers that carry payouts and refunds."""
