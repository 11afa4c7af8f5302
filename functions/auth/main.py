"""Accounts: register, verify, sign in, a forgotten password (UM-001..003, UM-005, UM-006)."""

from shared.cloud.database import transaction
from shared.identity import accounts, code_sign_in, google, reauthentication
from shared.identity.accounts import (
    AddressOnly,
    CodeSent,
    Credentials,
    EmailNotVerified,
    InvalidCredentials,
    OnItsWay,
    PasswordReset,
    Proof,
    Registration,
    TermsNotAccepted,
    UserResponse,
)
from shared.identity.client_networks import ClientNetwork
from shared.identity.code_sign_in import SignInCodeRequest, SignInCodeSent, SignInProof
from shared.identity.codes import CodeInvalid
from shared.identity.google import AccountNotLinked, GoogleSignIn
from shared.identity.google_nonces import GoogleNonceResponse
from shared.identity.google_tokens import GoogleSignInOff, GoogleTokenInvalid
from shared.identity.login_throttling import TooManyAttempts
from shared.identity.password_change import WrongPassword
from shared.identity.reauthentication import Confirmation
from shared.identity.sessions import Tokens
from shared.messages import mails
from shared.web import CODE_MAILS, CREDENTIALS, App, SignedIn, Transaction, constant_time

app = App("auth")

# Several times what each takes for an address that has an account; registering costs a round of bcrypt.
REGISTERING_MS, ASKING_MS = 800, 300


@app.post("/auth/register", anybody=True, status=201)
def register(registration: Registration, place: ClientNetwork) -> UserResponse:
    """Open an account. A code to verify the address comes by mail.

    The answer is the same for an address that has an account already; its owner is told by mail.
    """
    with constant_time.pad_to(REGISTERING_MS):
        return accounts.register(registration, place, mails.enqueue_for_account)


@app.post("/auth/verify", anybody=True, limit=CREDENTIALS, problems=(CodeInvalid, TooManyAttempts))
def verify(proof: Proof, place: ClientNetwork) -> Tokens:
    """Verify an address with the code from the mail, and sign in."""
    with constant_time.pad_to(ASKING_MS):
        return accounts.verify_email(proof, place)


@app.post(
    "/auth/login", anybody=True, limit=CREDENTIALS, problems=(InvalidCredentials, EmailNotVerified, TooManyAttempts)
)
def login(credentials: Credentials, place: ClientNetwork) -> Tokens:
    """Sign in with e-mail and password."""
    return accounts.login(credentials, place)


@app.post("/auth/code", anybody=True, status=202, limit=CODE_MAILS, problems=(TooManyAttempts,))
def ask_for_sign_in_code(asked: SignInCodeRequest, place: ClientNetwork) -> SignInCodeSent:
    """Ask for a code to sign in with, without a password. The answer doesn't tell whether the address has an account.

    With `accept_terms` the code opens an account where there is none.
    """
    with constant_time.pad_to(ASKING_MS):
        code_sign_in.ask(asked, place, mails.enqueue_for_account)
    return SignInCodeSent()


@app.post(
    "/auth/code/verify", anybody=True, limit=CREDENTIALS, problems=(CodeInvalid, TermsNotAccepted, TooManyAttempts)
)
def sign_in_by_code(proof: SignInProof, place: ClientNetwork) -> Tokens:
    """Sign in with the mailed code of eight digits. Where the address has no account, it opens one without a password.

    That takes `accept_terms`, now or when the code was asked for; whoever is refused for it may send the code again.
    """
    with constant_time.pad_to(ASKING_MS):
        return code_sign_in.sign_in(proof, place)


@app.post(
    "/auth/google",
    anybody=True,
    limit=CREDENTIALS,
    problems=(GoogleTokenInvalid, GoogleSignInOff, AccountNotLinked, TermsNotAccepted),
)
def google_sign_in(request: GoogleSignIn, place: ClientNetwork) -> Tokens:
    """Sign in with Google. The first time it opens an account, for which `accept_terms` must be true.

    In cookie mode the ID token's nonce must be of `auth/google/nonce`, in the same browser; of an app the token must
    be fresh. Each signs in once.
    """
    return google.sign_in(request, place)


@app.post("/auth/google/nonce", anybody=True, limit=CREDENTIALS, problems=(GoogleSignInOff,))
def google_nonce(place: ClientNetwork) -> GoogleNonceResponse:
    """The nonce for Google's button on a page. A cookie that comes with it binds the sign-in to this browser."""
    return google.nonce(place)


@app.post("/auth/forgot-password", anybody=True, status=202, limit=CODE_MAILS)
def forgot_password(asked: AddressOnly, place: ClientNetwork) -> OnItsWay:
    """Ask for a code to choose a new password. The answer doesn't tell whether the address has an account."""
    with constant_time.pad_to(ASKING_MS), transaction() as tx:
        mails.enqueue_for_account(tx, accounts.forgot_password(tx, asked, place))
    return OnItsWay()


@app.post("/auth/reset-password", anybody=True, status=204, limit=CREDENTIALS, problems=(CodeInvalid, TooManyAttempts))
def reset_password(reset: PasswordReset, place: ClientNetwork) -> None:
    """Choose a new password with the code from the mail. Every session of the account ends."""
    accounts.reset_password(reset, place)


@app.post("/auth/confirm", status=200, limit=CREDENTIALS, problems=(WrongPassword, CodeInvalid, TooManyAttempts))
def confirm(given: Confirmation, caller: SignedIn) -> Tokens:
    """Prove again who you are, by your password or a mailed code: the new access token may do what is sensitive."""
    return reauthentication.confirm(caller, given)


@app.post("/auth/confirm/code", status=202, limit=CODE_MAILS)
def send_code(caller: SignedIn, tx: Transaction) -> CodeSent:
    """Ask for a code to confirm by. It is mailed to your own address."""
    mails.enqueue_for_account(tx, reauthentication.send_code(tx, caller))
    return CodeSent()


main = app.entry_point()
