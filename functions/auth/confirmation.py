"""Authentication anew, for sensitive operations."""

from shared.identity import accounts, reauthentication
from shared.identity.codes import CodeInvalid
from shared.identity.login_throttling import TooManyAttempts
from shared.identity.password_change import WrongPassword
from shared.identity.second_factors import SecondFactorInvalid
from shared.identity.sessions import Tokens
from shared.messages import mails
from shared.web import CODE_MAILS, CREDENTIALS, App, SignedIn, Transaction

routes = App("auth")

CODE = (CodeInvalid, TooManyAttempts)


@routes.post("/auth/confirm", status=200, limit=CREDENTIALS, problems=(WrongPassword, SecondFactorInvalid, *CODE))
def confirm(given: reauthentication.Confirmation, caller: SignedIn) -> Tokens:
    """Authenticate again, by password or mailed code, and the second factor where there is one.

    The new access token may call sensitive operations.
    """
    return reauthentication.confirm(caller, given, mails.enqueue_for_account)


@routes.post("/auth/confirm/code", status=202, limit=CODE_MAILS)
def send_confirmation_code(caller: SignedIn, tx: Transaction) -> accounts.CodeSent:
    """Request a code for `auth/confirm`. It is mailed to your own address."""
    mails.enqueue_for_account(tx, reauthentication.send_code(tx, caller))
    return accounts.CodeSent()
