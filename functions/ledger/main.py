"""The books, and what they are compared with: settlement reports of the gateways, and arrivals at our bank."""

from functions.ledger import arrivals, books, settlements
from shared.web import App

app = App("ledger")
app.include(books.routes, settlements.routes, arrivals.routes)
main = app.entry_point()
