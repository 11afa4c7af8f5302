"""Bank accounts for refunds of buyers and payouts of organizers (FN-007, FN-008)."""

from functions.bank_account import admins, owners
from shared.web import App

app = App("bank_account")
app.include(admins.routes, owners.routes)
main = app.entry_point()
