"""A buyer's orders, and quotes (ISO-1, TS-006)."""

from functions.orders import purchases, quotes
from shared.web import App

app = App("orders")
app.include(purchases.routes, quotes.routes)
main = app.entry_point()
