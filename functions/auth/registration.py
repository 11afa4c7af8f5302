"""Registration, and verification of the address (UM-001, UM-002)."""

from shared.identity import accounts, registration
from shared.identity.client_networks import ClientNetwork
from shared.identity.codes import CodeInvalid
from shared.identity.login_throttling import TooManyAttempts
from shared.identity.second_factor_sign_in import SecondFactorChallenge
from shared.identity.sessions import Tokens
from shared.messages import mails
from shared.web import CREDENTIALS, App
from shared.web.constant_time import CODE_MS, REGISTRATION_MS

routes = App("auth")

LIMITED = (TooManyAttempts,)
CODE = (CodeInvalid, TooManyAttempts)


@routes.post("/auth/register", anybody=True, status=201, min_ms=REGISTRATION_MS, problems=LIMITED)
def register(new: registration.Registration, client: ClientNetwork) -> accounts.UserResponse:
    """Create an account.

    A code is mailed to verify the address. The response is the same if the address has an account.
    """
    return registration.register(new, client, mails.enqueue_for_account)


@routes.post("/auth/verify", anybody=True, limit=CREDENTIALS, min_ms=CODE_MS, problems=(*CODE, SecondFactorChallenge))
def verify(proof: accounts.EmailCode, client: ClientNetwork) -> Tokens:
    """Verify an address with the mailed code, and sign in."""
    return registration.verify_email(proof, client)
