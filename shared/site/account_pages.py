"""A person's own account: profile, photo, password, sessions, data, bank account (UM-007, UM-008, DP-005)."""

from contextlib import suppress
from typing import Annotated, get_args

from shared.chat import accounts
from shared.cloud.database import snapshot, transaction
from shared.identity import password_change, photos, principals, profiles, second_factor_enrolment, sessions
from shared.identity.password_change import PasswordChange
from shared.identity.profiles import ProfileChange
from shared.identity.tokens import Principal
from shared.messages import suppressions
from shared.messages.suppressions import LiftRequest
from shared.payouts import bank_account_changes, bank_accounts
from shared.payouts.bank_accounts import BankAccountBody, BankAccountResponse, BankCode
from shared.privacy.cookie_consents import COOKIES
from shared.problems import NotFound, Problem
from shared.site import forms, rendering
from shared.web import CREDENTIALS, App, MaxBytes, SignedIn, Upload
from shared.web.pages import Page, PageRequest, Redirect

BANKS: tuple[str, ...] = get_args(BankCode)
ACCOUNT = "/account"
BANK_ACCOUNT = "/account/bank-account"

pages = App("site")


@pages.page("/account")
def account(request: PageRequest, viewer: SignedIn) -> Page:
    """The profile and everything that can be done with an account."""
    return _page(request, viewer)


@pages.form("/account")
def change(request: PageRequest, viewer: SignedIn) -> Page | Redirect:
    """Change names, phone, language, and what we may write about."""
    given = {
        **forms.non_empty(request.form, "full_name", "language", "sale_notices"),
        "phone": request.form.get("phone", "").strip() or None,
        "marketing_opt_in": request.form.get("marketing_opt_in") == "true",
    }
    wanted, errors = forms.read(ProfileChange, given, request.language)
    if wanted is None:
        return _page(request, viewer, errors=errors)
    with transaction() as tx:
        profiles.change(tx, viewer, wanted)
    return Redirect("/account?saved=yes")


@pages.form("/account/mails")
def take_mails_again(viewer: SignedIn) -> Redirect:
    """Send mails to one's own address again that has refused one, or from which one was called spam."""
    with transaction() as tx:
        address = profiles.read(tx, viewer.id).email
        with suppress(NotFound):
            suppressions.lift(tx, LiftRequest(email=address), by=viewer.id)
    return Redirect("/account?saved=yes")


@pages.form("/account/photo")
def set_photo(file: Annotated[Upload, MaxBytes(photos.MAX_PHOTO_BYTES)], viewer: SignedIn) -> Redirect:
    """Set the photo: its middle is kept as a small square, without what the camera wrote into it."""
    photos.replace(viewer.id, file.content)
    return Redirect("/account?saved=yes")


@pages.form("/account/photo/remove")
def remove_photo(viewer: SignedIn) -> Redirect:
    """Remove the photo."""
    with transaction() as tx:
        photos.remove(tx, viewer.id)
    return Redirect("/account?saved=yes")


@pages.form("/account/password", limit=CREDENTIALS)
def change_password(request: PageRequest, viewer: SignedIn) -> Page | Redirect:
    """Change the password. Every other session ends."""
    given = forms.non_empty(request.form, "current_password", "new_password")
    wanted, errors = forms.read(PasswordChange, given, request.language)
    if wanted is None:
        return _page(request, viewer, errors=errors)
    try:
        tokens = password_change.change(viewer.id, wanted, viewer.session_id)
    except Problem as problem:
        return _page(request, viewer, problem=problem)
    return Redirect("/account?saved=yes", tokens=tokens)


@pages.form("/account/sign-out-everywhere")
def sign_out_everywhere(viewer: SignedIn) -> Redirect:
    """End every session of the account, on all devices."""
    with transaction() as tx:
        sessions.end_everywhere(tx, viewer.id)
    return Redirect("/login", ends_session=True)


@pages.page(BANK_ACCOUNT)
def bank_account(request: PageRequest, viewer: SignedIn) -> Page:
    """The page of the bank account for refunds that their gateway cannot send."""
    return _bank_account(request, viewer)


@pages.form(BANK_ACCOUNT)
def set_bank_account(request: PageRequest, viewer: SignedIn) -> Page | Redirect:
    """Set the bank account, once its bank says that it is theirs. Asks for a fresh proof of who they are."""
    given = forms.non_empty(request.form, "bank_code", "account_number", "account_holder_name")
    wanted, errors = forms.read(BankAccountBody, given, request.language)
    if wanted is None:
        return _bank_account(request, viewer, errors=errors)
    with transaction() as tx:
        principals.require_fresh_proof(principals.refresh(tx, viewer))
    try:
        bank_account_changes.set_account(viewer.id, wanted)
    except Problem as problem:
        return _bank_account(request, viewer, problem=problem)
    return Redirect(f"{BANK_ACCOUNT}?saved=yes")


def _page(
    request: PageRequest, viewer: Principal, *, errors: dict[str, str] | None = None, problem: Problem | None = None
) -> Page:
    with snapshot() as tx:
        profile = profiles.read(tx, viewer.id)
        suppression = suppressions.find(tx, profile.email)
        second_factor = second_factor_enrolment.read(tx, viewer.id)
        chats = accounts.read(tx, viewer.id)
    return rendering.form_page(
        "account.html",
        request,
        viewer=viewer,
        errors=errors,
        problem=problem,
        address=ACCOUNT,
        profile=profile,
        second_factor=second_factor,
        chats=chats,
        chat_linking_url=accounts.linking_url(profile.email),
        may_enrol=second_factor_enrolment.may_enrol(profile.role),
        gets_no_mails_as=suppression.reason if suppression and suppression.is_active else None,
        is_saved=request.query.get("saved") == "yes",
        cookies=COOKIES.cookies,
    )


def _bank_account(
    request: PageRequest, viewer: Principal, *, errors: dict[str, str] | None = None, problem: Problem | None = None
) -> Page:
    current: BankAccountResponse | None = None
    with snapshot() as tx:
        try:
            current = bank_accounts.read_own(tx, viewer.id)
        except NotFound:
            current = None
    return rendering.form_page(
        "bank_account.html",
        request,
        viewer=viewer,
        errors=errors,
        problem=problem,
        address=BANK_ACCOUNT,
        current=current,
        banks=BANKS,
        is_saved=request.query.get("saved") == "yes",
    )
