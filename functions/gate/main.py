"""The gate: its counts, admission of people without a code, and work without network (GATE, OFFLINE-1)."""

from functions.gate import admissions, offline
from shared.web import App

app = App("gate")
app.include(admissions.routes, offline.routes)
main = app.entry_point()
