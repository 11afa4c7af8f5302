"""Getting paid: checkout, webhooks, settlement, sync, reconcile. The only room that calls several others.

A notification is a hint and never proof: before an order turns paid the gateway is asked, outside any
transaction, and its answer is the evidence that `settlement` acts on.
"""
