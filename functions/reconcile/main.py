"""Reconciliation: repair of what webhooks and tasks have missed (L3)."""

from shared.payments import clearing, gauges, reconcile
from shared.web import App

app = App("reconcile")


@app.job("light")
def light() -> None:
    """Every five minutes: repair what is stuck, and log the gauges."""
    reconcile.run(thorough=False)
    gauges.log_all()


@app.job("thorough")
def thorough() -> None:
    """Every hour: the same, and check silent payments, stock counters and the ledger."""
    reconcile.run(thorough=True)


@app.job("nightly")
def nightly() -> None:
    """Every night: compare the ledger with the gateways' movements. It fails on any difference."""
    clearing.check()


main = app.entry_point()
