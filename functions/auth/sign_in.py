"""Sign-in by password, mailed code or Google (UM-003)."""

from shared.identity import code_sign_in, google, google_nonces, google_tokens, password_sign_in
from shared.identity.client_networks import ClientNetwork
from shared.identity.login_throttling import TooManyAttempts
from shared.identity.second_factor_sign_in import SecondFactorChallenge
from shared.identity.sessions import Tokens
from shared.messages import mails
from shared.web import CODE_MAILS, CREDENTIALS, App
from shared.web.constant_time import CODE_MS

routes = App("auth")

LIMITED = (TooManyAttempts,)
LOGIN = (
    password_sign_in.InvalidCredentials,
    password_sign_in.EmailNotVerified,
    TooManyAttempts,
    SecondFactorChallenge,
)


@routes.post("/auth/login", anybody=True, limit=CREDENTIALS, problems=LOGIN)
def login(credentials: password_sign_in.Credentials, client: ClientNetwork) -> Tokens:
    """Sign in with e-mail and password."""
    return password_sign_in.login(credentials, client)


@routes.post("/auth/code", anybody=True, status=202, limit=CODE_MAILS, min_ms=CODE_MS, problems=LIMITED)
def send_sign_in_code(request: code_sign_in.SignInCodeRequest, client: ClientNetwork) -> code_sign_in.SignInCodeSent:
    """Request a code to sign in without a password. The response is the same with and without an account."""
    code_sign_in.send_code(request, client, mails.enqueue_for_account)
    return code_sign_in.SignInCodeSent()


@routes.post("/auth/code/verify", anybody=True, limit=CREDENTIALS, min_ms=CODE_MS, problems=code_sign_in.PROBLEMS)
def sign_in_by_code(proof: code_sign_in.SignInProof, client: ClientNetwork) -> Tokens:
    """Sign in with the mailed code of eight digits. An address without account gets one, without a password."""
    return code_sign_in.sign_in(proof, client)


@routes.post("/auth/google", anybody=True, limit=CREDENTIALS, problems=google.PROBLEMS)
def google_sign_in(request: google.GoogleSignIn, client: ClientNetwork) -> Tokens:
    """Sign in with Google. The first sign-in creates an account and needs `accept_terms`: true.

    In cookie mode the ID token's nonce must come from `auth/google/nonce` in the same browser; an app's token must be
    fresh. Each token and nonce signs in once.
    """
    return google.sign_in(request, client)


@routes.post("/auth/google/nonce", anybody=True, limit=CREDENTIALS, problems=(google_tokens.GoogleSignInOff,))
def google_nonce(client: ClientNetwork) -> google_nonces.GoogleNonceResponse:
    """A nonce for Google's sign-in button. The cookie set with it binds the sign-in to this browser."""
    return google.nonce(client)
