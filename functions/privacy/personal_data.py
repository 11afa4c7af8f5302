"""A person's copy of their data, and the deletion of their account."""

from shared.identity.codes import CodeInvalid
from shared.identity.login_throttling import TooManyAttempts
from shared.identity.password_change import WrongPassword
from shared.identity.second_factors import SecondFactorInvalid
from shared.privacy import deletion, export
from shared.privacy.deletion import AccountInUse, Deletion
from shared.privacy.export import ExportQuery
from shared.web import App, File, SignedIn, SignedInHere

routes = App("privacy")

PROOF = (WrongPassword, CodeInvalid, SecondFactorInvalid, TooManyAttempts, AccountInUse)


@routes.get("/account/export", produces=("application/json", "text/csv"))
def export_data(query: ExportQuery, caller: SignedInHere) -> File:
    """Export all data we hold about you: profile, consents, orders, mails, sessions and audit trail."""
    return export.export(caller.id, query)


@routes.post("/account/delete", status=204, ends_session=True, problems=PROOF)
def delete(asked: Deletion, caller: SignedIn) -> None:
    """Delete your account for good, by your password or the code of `auth/confirm/code`, and your second factor.

    Records that tax law requires are kept without your name.
    """
    deletion.delete(caller, asked)
