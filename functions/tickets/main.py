"""Tickets and pickups, for holders, gates and counters (TS-019, GATE, PROD-1)."""

from functions.tickets import holders, scans
from shared.web import App

app = App("tickets")
app.include(holders.routes, scans.routes)
main = app.entry_point()
