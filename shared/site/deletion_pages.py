"""Deleting an account, after a proof of who asks: the password, or a mailed code where there is none (UM-009)."""

from shared.cloud.database import snapshot, transaction
from shared.identity import profiles, reauthentication
from shared.identity.tokens import Principal
from shared.messages import mails
from shared.privacy import deletion
from shared.privacy.deletion import AccountInUse, Deletion
from shared.problems import Problem
from shared.site import forms, rendering
from shared.web import CODE_MAILS, CREDENTIALS, App, SignedIn
from shared.web.pages import Page, PageRequest, Redirect

DELETE = "/account/delete"
_MAILED = f"{DELETE}?mailed=yes"

pages = App("site")


@pages.page(DELETE)
def deletion_page(request: PageRequest, viewer: SignedIn) -> Page:
    """The page that says what is deleted and what is kept, and asks for a proof."""
    return _page(request, viewer, is_mailed=request.query.get("mailed") == "yes")


@pages.form(f"{DELETE}/code", limit=CODE_MAILS)
def send_code(viewer: SignedIn) -> Redirect:
    """Mail a code to their own address."""
    with transaction() as tx:
        mails.enqueue_for_account(tx, reauthentication.send_code(tx, viewer))
    return Redirect(_MAILED)


@pages.form(DELETE, limit=CREDENTIALS)
def delete(request: PageRequest, viewer: SignedIn) -> Page | Redirect:
    """Delete the account for good. Records that tax law needs are kept without the name."""
    is_mailed = "code" in request.form
    given = forms.non_empty(request.form, "password", "code", "second_factor")
    wanted, errors = forms.read(Deletion, given, request.language)
    if wanted is None:
        return _page(request, viewer, is_mailed=is_mailed, errors=errors)
    try:
        deletion.delete(viewer, wanted)
    except Problem as problem:
        return _page(request, viewer, is_mailed=is_mailed, problem=problem)
    return Redirect(f"/{request.language}", ends_session=True)


def _page(
    request: PageRequest,
    viewer: Principal,
    *,
    is_mailed: bool,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> Page:
    with snapshot() as tx:
        profile = profiles.read(tx, viewer.id)
        ways = reauthentication.ways(tx, viewer)
    return rendering.form_page(
        "delete_account.html",
        request,
        viewer=viewer,
        errors=errors,
        problem=problem,
        address=_MAILED if is_mailed else DELETE,
        profile=profile,
        ways=ways,
        is_mailed=is_mailed,
        obstacles=problem.members["reasons"] if isinstance(problem, AccountInUse) else [],
    )
