"""Accounts: registration, verification, sign-in, password reset (UM-001..003, UM-005, UM-006)."""

from shared.identity import (
    accounts,
    code_sign_in,
    google,
    google_nonces,
    google_tokens,
    password_reset,
    password_sign_in,
    reauthentication,
    registration,
    second_factor_resets,
    second_factor_sign_in,
)
from shared.identity.client_networks import ClientNetwork
from shared.identity.codes import CodeInvalid
from shared.identity.login_throttling import TooManyAttempts
from shared.identity.password_change import WrongPassword
from shared.identity.second_factor_sign_in import ChallengeExpired, SecondFactorChallenge, SecondFactorProof
from shared.identity.second_factors import SecondFactorInvalid
from shared.identity.sessions import Tokens
from shared.messages import mails
from shared.web import CODE_MAILS, CREDENTIALS, App, SignedIn, Transaction
from shared.web.constant_time import CODE_MS, REGISTRATION_MS

app = App("auth")

LIMITED = (TooManyAttempts,)
CODE = (CodeInvalid, TooManyAttempts)
LOGIN = (
    password_sign_in.InvalidCredentials,
    password_sign_in.EmailNotVerified,
    TooManyAttempts,
    SecondFactorChallenge,
)
SECOND_FACTOR = (ChallengeExpired, SecondFactorInvalid, TooManyAttempts)
RESET = (ChallengeExpired, second_factor_resets.MailedCodeRequired, second_factor_resets.AdminResetOnly)


@app.post("/auth/register", anybody=True, status=201, min_ms=REGISTRATION_MS, problems=LIMITED)
def register(new: registration.Registration, client: ClientNetwork) -> accounts.UserResponse:
    """Create an account. A code is mailed to verify the address; one with an account gets the same response."""
    return registration.register(new, client, mails.enqueue_for_account)


@app.post("/auth/verify", anybody=True, limit=CREDENTIALS, min_ms=CODE_MS, problems=(*CODE, SecondFactorChallenge))
def verify(proof: accounts.EmailCode, client: ClientNetwork) -> Tokens:
    """Verify an address with the mailed code, and sign in."""
    return registration.verify_email(proof, client)


@app.post("/auth/login", anybody=True, limit=CREDENTIALS, problems=LOGIN)
def login(credentials: password_sign_in.Credentials, client: ClientNetwork) -> Tokens:
    """Sign in with e-mail and password."""
    return password_sign_in.login(credentials, client)


@app.post("/auth/second-factor", anybody=True, limit=CREDENTIALS, problems=SECOND_FACTOR)
def answer_challenge(given: SecondFactorProof, client: ClientNetwork) -> Tokens:
    """Finish a sign-in that was answered with `second-factor-challenge`: with a code of the app, or a recovery code."""
    return second_factor_sign_in.sign_in(given, client, mails.enqueue_for_account)


@app.post("/auth/second-factor/reset", anybody=True, status=202, limit=CREDENTIALS, problems=RESET)
def request_second_factor_reset(wanted: second_factor_resets.ResetRequest) -> second_factor_resets.ResetRequested:
    """Ask to remove a lost second factor in three days, in a sign-in by mailed code. Signing in with it ends that."""
    return second_factor_resets.request(wanted, mails.enqueue_for_account)


@app.post("/auth/code", anybody=True, status=202, limit=CODE_MAILS, min_ms=CODE_MS, problems=LIMITED)
def send_sign_in_code(request: code_sign_in.SignInCodeRequest, client: ClientNetwork) -> code_sign_in.SignInCodeSent:
    """Request a code to sign in without a password. The response is the same with and without an account."""
    code_sign_in.send_code(request, client, mails.enqueue_for_account)
    return code_sign_in.SignInCodeSent()


@app.post("/auth/code/verify", anybody=True, limit=CREDENTIALS, min_ms=CODE_MS, problems=code_sign_in.PROBLEMS)
def sign_in_by_code(proof: code_sign_in.SignInProof, client: ClientNetwork) -> Tokens:
    """Sign in with the mailed code of eight digits. An address without account gets one, without a password."""
    return code_sign_in.sign_in(proof, client)


@app.post("/auth/google", anybody=True, limit=CREDENTIALS, problems=google.PROBLEMS)
def google_sign_in(request: google.GoogleSignIn, client: ClientNetwork) -> Tokens:
    """Sign in with Google. The first sign-in creates an account and needs `accept_terms`: true.

    In cookie mode the ID token's nonce must come from `auth/google/nonce` in the same browser; an app's token must be
    fresh. Each token and nonce signs in once.
    """
    return google.sign_in(request, client)


@app.post("/auth/google/nonce", anybody=True, limit=CREDENTIALS, problems=(google_tokens.GoogleSignInOff,))
def google_nonce(client: ClientNetwork) -> google_nonces.GoogleNonceResponse:
    """A nonce for Google's sign-in button. The cookie set with it binds the sign-in to this browser."""
    return google.nonce(client)


@app.post("/auth/forgot-password", anybody=True, status=202, limit=CODE_MAILS, min_ms=CODE_MS, problems=LIMITED)
def forgot_password(
    request: password_reset.PasswordResetRequest, client: ClientNetwork, tx: Transaction
) -> password_reset.PasswordResetRequested:
    """Request a code to choose a new password. The response does not reveal whether the address has an account."""
    mails.enqueue_for_account(tx, password_reset.forgot_password(tx, request, client))
    return password_reset.PasswordResetRequested()


@app.post("/auth/reset-password", anybody=True, status=204, limit=CREDENTIALS, problems=CODE)
def reset_password(reset: password_reset.PasswordReset, client: ClientNetwork) -> None:
    """Choose a new password with the mailed code. Every session of the account ends."""
    password_reset.reset_password(reset, client)


@app.post("/auth/confirm", status=200, limit=CREDENTIALS, problems=(WrongPassword, SecondFactorInvalid, *CODE))
def confirm(given: reauthentication.Confirmation, caller: SignedIn) -> Tokens:
    """Authenticate again, by password or mailed code, and the second factor where there is one.

    The new access token may call sensitive operations.
    """
    return reauthentication.confirm(caller, given, mails.enqueue_for_account)


@app.post("/auth/confirm/code", status=202, limit=CODE_MAILS)
def send_confirmation_code(caller: SignedIn, tx: Transaction) -> accounts.CodeSent:
    """Request a code for `auth/confirm`. It is mailed to your own address."""
    mails.enqueue_for_account(tx, reauthentication.send_code(tx, caller))
    return accounts.CodeSent()


main = app.entry_point()
