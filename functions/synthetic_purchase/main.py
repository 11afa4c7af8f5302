"""Synthetic purchases, by which we know before buyers do that nobody can buy (decision 0032)."""

from shared.monitoring import synthetic_purchases
from shared.web import App

app = App("synthetic_purchase")


@app.job("purchase")
def purchase() -> None:
    """Every five minutes: buy a free ticket from end to end, and give it back."""
    synthetic_purchases.purchase()


@app.job("payments")
def open_payments() -> None:
    """Every hour: open a payment at each gateway, and cancel it."""
    synthetic_purchases.open_payments()


main = app.entry_point()
