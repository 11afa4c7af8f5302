"""The second factor at sign-in (MFA-1)."""

from shared.identity import second_factor_resets, second_factor_sign_in
from shared.identity.client_networks import ClientNetwork
from shared.identity.login_throttling import TooManyAttempts
from shared.identity.second_factor_sign_in import ChallengeExpired, SecondFactorProof
from shared.identity.second_factors import SecondFactorInvalid
from shared.identity.sessions import Tokens
from shared.messages import mails
from shared.web import CREDENTIALS, App

routes = App("auth")

SECOND_FACTOR = (ChallengeExpired, SecondFactorInvalid, TooManyAttempts)
RESET = (ChallengeExpired, second_factor_resets.MailedCodeRequired, second_factor_resets.AdminResetOnly)


@routes.post("/auth/second-factor", anybody=True, limit=CREDENTIALS, problems=SECOND_FACTOR)
def answer_challenge(given: SecondFactorProof, client: ClientNetwork) -> Tokens:
    """Finish a sign-in that was answered with `second-factor-challenge`: with a code of the app, or a recovery code."""
    return second_factor_sign_in.sign_in(given, client, mails.enqueue_for_account)


@routes.post("/auth/second-factor/reset", anybody=True, status=202, limit=CREDENTIALS, problems=RESET)
def request_second_factor_reset(wanted: second_factor_resets.ResetRequest) -> second_factor_resets.ResetRequested:
    """Request the removal of a lost second factor in three days, in a sign-in by mailed code.

    Signing in with it cancels that.
    """
    return second_factor_resets.request(wanted, mails.enqueue_for_account)
