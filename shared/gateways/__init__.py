"""Xendit, Midtrans and SendGrid as they speak on the wire: requests, answers, signatures, time-outs.

Knows no ticket, no order and no database, and decides nothing: it turns what a gateway says into
statuses (`statuses`) and what goes wrong into errors (`errors`).
"""
