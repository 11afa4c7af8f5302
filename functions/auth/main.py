"""Accounts: registration, verification, sign-in, password reset (UM-001..003, UM-005, UM-006)."""

from functions.auth import confirmation, passwords, registration, second_factor, sign_in
from shared.web import App

app = App("auth")
app.include(registration.routes, sign_in.routes, second_factor.routes, passwords.routes, confirmation.routes)
main = app.entry_point()
