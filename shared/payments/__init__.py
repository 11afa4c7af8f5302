"""Payments: checkout, webhooks, status handling, sync, reconcile. This package calls many others.

A notification is a hint and never proof: before an order turns paid the gateway is asked, outside any
transaction, and its answer is the evidence that `status_handling` acts on.
"""
