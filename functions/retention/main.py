"""Retention: deletion of data after its retention period (DP-003)."""

from shared.privacy import retention
from shared.web import App

app = App("retention")


@app.job("daily")
def daily() -> None:
    """Every night: delete expired data in small batches."""
    retention.run()


main = app.entry_point()
