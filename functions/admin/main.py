"""Endpoints for admins: what is wrong, search, records, and what only they decide."""

from functions.admin import mails, manual_tasks, records, refunds, reviews, users
from shared.web import App

app = App("admin")
app.include(records.routes, users.routes, reviews.routes, refunds.routes, manual_tasks.routes, mails.routes)
main = app.entry_point()
