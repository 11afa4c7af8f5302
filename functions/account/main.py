"""A person's own account: profile and photo, password, second factor, becoming an organizer (UM-007, UM-008, MFA-1)."""

from functions.account import profile, second_factor
from shared.web import App

app = App("account")
app.include(profile.routes, second_factor.routes)
main = app.entry_point()
