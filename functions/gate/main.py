"""The gate: its counts, who lost the phone, and what it needs without network (GATE, OFFLINE-1)."""

from functions.gate import admissions, offline
from shared.web import App

app = App("gate")
app.include(admissions.routes, offline.routes)
main = app.entry_point()
