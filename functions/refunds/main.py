"""Refunds: requested by buyers, decided by organizers (PS-015..018, LATE-1)."""

from functions.refunds import decisions, requests
from shared.web import App

app = App("refunds")
app.include(decisions.routes, requests.routes)
main = app.entry_point()
