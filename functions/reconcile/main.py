"""Put right what slipped through (layer 3)."""

from shared.payments import reconcile as repairing
from shared.web import App

app = App("reconcile")


@app.job("light")
def light() -> None:
    """Every five minutes: what is stuck."""
    repairing.run(thorough=False)


@app.job("thorough")
def thorough() -> None:
    """Every hour: that, quiet payments, the counters and the books."""
    repairing.run(thorough=True)


main = app.entry_point()
