"""Prewarming: instances are kept warm while a big sale opens."""

from shared.catalog import prewarming
from shared.web import App

app = App("prewarm")


@app.job("openings")
def openings() -> None:
    """Every ten minutes: raise the minimum instances before a big sale opens, and lower them after."""
    prewarming.prewarm()


main = app.entry_point()
