"""Events: browse, show, create, change (EM-001..017)."""

from functions.events import banners, catalogue, editing
from shared.web import App

app = App("events")
app.include(banners.routes, catalogue.routes, editing.routes)
main = app.entry_point()
