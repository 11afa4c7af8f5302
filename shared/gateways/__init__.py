"""Xendit, Midtrans and SendGrid as they speak on the wire: requests, answers, signatures, time-outs.

Knows no ticket, no order and no database, and decides nothing: it turns what a gateway says into
facts (`statuses`) and what goes wrong into four errors (`errors`).
"""
