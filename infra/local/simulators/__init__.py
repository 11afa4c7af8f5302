"""Xendit, Midtrans and SendGrid on a laptop: their wire format, their webhooks, and what they do wrong.

State is kept in the local cloud's database, so it is shared by all web processes and survives them.
Where a gateway's behaviour is not published, the module that guesses says so.
"""
