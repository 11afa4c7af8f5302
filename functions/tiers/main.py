"""Tiers of tickets and goods, and digital units (EM-008..012, PROD-1, PROD-2)."""

from functions.tiers import digital_units, editing
from shared.web import App

app = App("tiers")
app.include(digital_units.routes, editing.routes)
main = app.entry_point()
