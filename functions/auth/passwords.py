"""A forgotten password (UM-005)."""

from shared.identity import password_reset
from shared.identity.client_networks import ClientNetwork
from shared.identity.codes import CodeInvalid
from shared.identity.login_throttling import TooManyAttempts
from shared.messages import mails
from shared.web import CODE_MAILS, CREDENTIALS, App, Transaction
from shared.web.constant_time import CODE_MS

routes = App("auth")

LIMITED = (TooManyAttempts,)
CODE = (CodeInvalid, TooManyAttempts)


@routes.post("/auth/forgot-password", anybody=True, status=202, limit=CODE_MAILS, min_ms=CODE_MS, problems=LIMITED)
def forgot_password(
    request: password_reset.PasswordResetRequest, client: ClientNetwork, tx: Transaction
) -> password_reset.PasswordResetRequested:
    """Request a code to choose a new password. The response does not reveal whether the address has an account."""
    mails.enqueue_for_account(tx, password_reset.forgot_password(tx, request, client))
    return password_reset.PasswordResetRequested()


@routes.post("/auth/reset-password", anybody=True, status=204, limit=CREDENTIALS, problems=CODE)
def reset_password(reset: password_reset.PasswordReset, client: ClientNetwork) -> None:
    """Choose a new password with the mailed code. Every session of the account ends."""
    password_reset.reset_password(reset, client)
