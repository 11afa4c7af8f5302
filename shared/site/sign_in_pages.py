"""Signing in by a mailed code or a password, registering, a forgotten password, signing out (UM-001..006, AUTH-1)."""

from urllib.parse import urlencode

from shared.cloud.database import transaction
from shared.identity import password_reset, password_sign_in, sessions
from shared.identity.password_reset import PasswordReset
from shared.identity.password_sign_in import Credentials
from shared.identity.second_factor_sign_in import SecondFactorChallenge
from shared.identity.sessions import RefreshRequest
from shared.messages import mails
from shared.problems import Problem
from shared.site import forms, rendering, sign_in
from shared.web import CODE_MAILS, CREDENTIALS, App, SignedIn, Viewer
from shared.web.constant_time import CODE_MS, pad_to
from shared.web.pages import Page, PageRequest, Redirect

SIGNED_IN = "/login/done"
"""Where a person goes on who wanted nothing else."""

_STARTS = {"staff": "/gate", "organizer": "/organizer", "admin": "/admin"}

pages = App("site")


@pages.page("/login")
def login(request: PageRequest, viewer: Viewer) -> Page | Redirect:
    """The ways to sign in."""
    return Redirect(forms.target(request, SIGNED_IN)) if viewer else login_page(request)


@pages.page(SIGNED_IN)
def signed_in(_request: PageRequest, viewer: SignedIn) -> Redirect:
    """Redirect to where the work of that role starts: buyers to their tickets, others to the gate or their desk."""
    return Redirect(_STARTS.get(viewer.role, "/orders"))


@pages.form("/login", anybody=True, limit=CREDENTIALS)
def sign_in_by_password(request: PageRequest) -> Page | Redirect:
    """Sign in with e-mail and password."""
    given, errors = forms.read(Credentials, forms.non_empty(request.form, "email", "password"), request.language)
    if given is None:
        return login_page(request, errors=errors, by_password=True)
    try:
        tokens = password_sign_in.login(given, request.client)
    except SecondFactorChallenge as asked:
        return sign_in.second_factor_page(request, asked.challenge, forms.target(request, SIGNED_IN))
    except Problem as problem:
        return login_page(request, problem=problem, by_password=True)
    return Redirect(forms.target(request, SIGNED_IN), tokens=tokens)


@pages.form("/login/code", anybody=True, limit=CODE_MAILS)
def send_code(request: PageRequest) -> Page | Redirect:
    """Mail a code to sign in with."""
    email, errors = sign_in.send_code(request)
    if errors:
        return login_page(request, errors=errors)
    return _code(request, email)


@pages.form("/login/verify", anybody=True, limit=CREDENTIALS)
def sign_in_by_code(request: PageRequest) -> Page | Redirect:
    """Sign in with the mailed code. For an address without an account it makes one."""
    try:
        tokens = sign_in.sign_in_by_code(request)
    except SecondFactorChallenge as asked:
        return sign_in.second_factor_page(request, asked.challenge, forms.target(request, SIGNED_IN))
    except Problem as problem:
        return _code(request, request.form.get("email", ""), problem)
    return Redirect(forms.target(request, SIGNED_IN), tokens=tokens)


@pages.page("/register")
def register(request: PageRequest, viewer: Viewer) -> Redirect:
    """Redirect to the same page: a mailed code makes an account."""
    return Redirect("/account" if viewer else address(forms.target(request, SIGNED_IN)))


@pages.page("/reset-password", anybody=True)
def reset_password(request: PageRequest) -> Page:
    """The page to choose a new password."""
    return _reset(request, email=request.query.get("email", ""))


@pages.form("/reset-password/code", anybody=True, limit=CODE_MAILS)
def send_reset_code(request: PageRequest) -> Page:
    """Mail a code to choose a new password with. The page does not tell whether the address has an account."""
    asked, errors = forms.read(
        password_reset.PasswordResetRequest, forms.non_empty(request.form, "email"), request.language
    )
    if asked is None:
        return _reset(request, errors=errors)
    with pad_to(CODE_MS), transaction() as tx:
        mails.enqueue_for_account(tx, password_reset.forgot_password(tx, asked, request.client))
    return _reset(request, email=asked.email, is_sent=True)


@pages.form("/reset-password", anybody=True, limit=CREDENTIALS)
def choose_password(request: PageRequest) -> Page | Redirect:
    """Choose a new password with the mailed code. Every session of the account ends."""
    email = request.form.get("email", "")
    given, errors = forms.read(
        PasswordReset, forms.non_empty(request.form, "email", "code", "password"), request.language
    )
    if given is None:
        return _reset(request, email=email, errors=errors, is_sent=True)
    try:
        password_reset.reset_password(given, request.client)
    except Problem as problem:
        return _reset(request, email=email, problem=problem, is_sent=True)
    return Redirect("/login?new_password=yes")


@pages.form("/logout", anybody=True)
def logout(request: PageRequest) -> Redirect:
    """End this browser's session."""
    token = request.client.refresh_token
    if token:
        with transaction() as tx:
            sessions.end(tx, RefreshRequest.model_construct(refresh_token=token))
    return Redirect(f"/{request.language}", ends_session=True)


def address(target: str) -> str:
    """The address to sign in at, which goes on to `target`."""
    return f"/login?{urlencode({'next': target})}"


def login_page(
    request: PageRequest,
    *,
    target: str = "",
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
    by_password: bool = False,
) -> Page:
    """The page with the ways to sign in, which go on to `target`, or where the request says."""
    target = target or forms.target(request, SIGNED_IN)
    return rendering.form_page(
        "login.html",
        request,
        errors=errors,
        problem=problem,
        address=address(target),
        next=target,
        google_path=sign_in.google_path(target),
        by_password=by_password,
        has_new_password=request.query.get("new_password") == "yes",
    )


def _code(request: PageRequest, email: str, problem: Problem | None = None) -> Page:
    target = forms.target(request, SIGNED_IN)
    return rendering.form_page(
        "login_code.html", request, problem=problem, address=address(target), next=target, email=email
    )


def _reset(
    request: PageRequest,
    *,
    email: str = "",
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
    is_sent: bool = False,
) -> Page:
    return rendering.form_page(
        "reset_password.html",
        request,
        errors=errors,
        problem=problem,
        address="/reset-password",
        email=email,
        is_sent=is_sent,
    )
