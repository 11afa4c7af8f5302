"""Xendit, Midtrans and SendGrid: requests, responses, signatures, time-outs.

This package knows no ticket, no order and no database, and decides nothing: it turns responses into statuses
(`statuses`), and failures into errors (`errors`).
"""
