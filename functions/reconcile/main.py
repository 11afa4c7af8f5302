"""Put right what slipped through (L3)."""

from shared.payments import clearing, gauges
from shared.payments import reconcile as repairing
from shared.web import App

app = App("reconcile")


@app.job("light")
def light() -> None:
    """Every five minutes: what is stuck, and the numbers that say how we do."""
    repairing.run(thorough=False)
    gauges.log_all()


@app.job("thorough")
def thorough() -> None:
    """Every hour: that, quiet payments, the counters and the books."""
    repairing.run(thorough=True)


@app.job("nightly")
def nightly() -> None:
    """Every night: our books against what the gateways moved. It fails where they differ by a rupiah."""
    clearing.check()


main = app.entry_point()
