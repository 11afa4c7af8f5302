"""Privacy: data export, account deletion, unsubscribing, cookie consent (UM-009, DP-001..006)."""

from functions.privacy import consents, personal_data
from shared.web import App

app = App("privacy")
app.include(consents.routes, personal_data.routes)
main = app.entry_point()
