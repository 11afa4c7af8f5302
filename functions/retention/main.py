"""Lets go of what has outlived its use (DP-003)."""

from shared.privacy import retention
from shared.web import App

app = App("retention")


@app.job("daily")
def daily() -> None:
    """Every night: delete what is past its time, in small batches."""
    retention.run()


main = app.entry_point()
