"""Authenticating again, before something that a finder of the phone must not do (UM-004, MFA-1)."""

from shared.cloud.database import transaction
from shared.identity import reauthentication
from shared.identity.reauthentication import Confirmation
from shared.messages import mails
from shared.problems import Problem
from shared.site import confirmation, forms
from shared.web import CODE_MAILS, CREDENTIALS, App, SignedIn
from shared.web.pages import Page, PageRequest, Redirect

pages = App("site")


@pages.page(confirmation.PATH)
def ask(request: PageRequest, viewer: SignedIn) -> Page:
    """The page to authenticate again."""
    return confirmation.page(request, viewer, confirmation.read(request), is_sent=request.query.get("sent") == "yes")


@pages.form(f"{confirmation.PATH}/code", limit=CODE_MAILS)
def send_code(request: PageRequest, viewer: SignedIn) -> Page | Redirect:
    """Mail a code to their own address."""
    with transaction() as tx:
        mails.enqueue_for_account(tx, reauthentication.send_code(tx, viewer))
    interruption = confirmation.read(request)
    if interruption.holds_form:
        return confirmation.page(request, viewer, interruption, is_sent=True)
    return Redirect(confirmation.address(interruption.target, is_sent=True))


@pages.form(confirmation.PATH, limit=CREDENTIALS)
def confirm(request: PageRequest, viewer: SignedIn) -> Page | Redirect:
    """Take the proof, and go on with what was interrupted."""
    interruption = confirmation.read(request)
    proof = interruption.given(request.form, "password", "code", "second_factor")
    given, errors = forms.read(Confirmation, proof, request.language)
    is_sent = "password" not in proof
    if given is None:
        return confirmation.page(request, viewer, interruption, is_sent=is_sent, errors=errors)
    try:
        tokens = reauthentication.confirm(viewer, given, mails.enqueue_for_account)
    except Problem as problem:
        return confirmation.page(request, viewer, interruption, is_sent=is_sent, problem=problem)
    return interruption.resume(tokens)
