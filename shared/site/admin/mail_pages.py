"""Mails that could not be sent, and addresses that get none any more (PS-024, NS-008)."""

from typing import Final
from uuid import UUID

from shared.cloud import authorization
from shared.cloud.database import Transaction, transaction
from shared.cloud.logs import mask
from shared.identity.tokens import Principal
from shared.messages import failed_mails, sending, suppressions
from shared.messages.suppressions import LiftRequest
from shared.models import PageQuery
from shared.problems import NotFound
from shared.site import forms, lists, rendering
from shared.site.admin import actions
from shared.site.admin.actions import Action, Confirmation, NoInput
from shared.site.languages import translate
from shared.web import AdminOfDesk, App
from shared.web.pages import Language, Page, PageRequest, Redirect

MAILS: Final = "/admin/mails"
SUPPRESSIONS: Final = "/admin/suppressions"

pages = App("site")


@pages.page(MAILS)
def mails(request: PageRequest, admin: AdminOfDesk) -> Page:
    """The mails that could not be sent, oldest first."""
    with transaction() as tx:
        authorization.record_list_access(tx, admin, subject="email")
        found = failed_mails.list_page(tx, PageQuery(**lists.page_of(request)))
    return rendering.form_page("admin/mails.html", request, viewer=admin, listing=found)


@pages.page(SUPPRESSIONS)
def suppressed(request: PageRequest, admin: AdminOfDesk) -> Page:
    """The addresses that get no mails, newest first."""
    return _suppressions(request, admin)


@pages.form(SUPPRESSIONS)
def lift(request: PageRequest, admin: AdminOfDesk) -> Page | Redirect:
    """Try an address again that somebody has named to us."""
    wanted, errors = forms.read(LiftRequest, forms.non_empty(request.form, "email"), request.language)
    if wanted is None:
        return _suppressions(request, admin, errors=errors)
    try:
        with transaction() as tx:
            suppressions.lift(tx, wanted, by=admin.id)
    except NotFound:
        unknown = translate(request.language, "This address gets mails: nothing has to be lifted.")
        return _suppressions(request, admin, errors={"email": unknown})
    return Redirect(actions.with_done(SUPPRESSIONS))


def _suppressions(request: PageRequest, admin: Principal, *, errors: dict[str, str] | None = None) -> Page:
    with transaction() as tx:
        authorization.record_list_access(tx, admin, subject="mail_suppression")
        found = suppressions.list_page(tx, PageQuery(**lists.page_of(request)))
    return rendering.form_page(
        "admin/suppressions.html", request, viewer=admin, errors=errors, address=SUPPRESSIONS, listing=found
    )


def _confirm_resend(tx: Transaction, _admin: Principal, email_id: UUID, language: Language) -> Confirmation:
    mail = failed_mails.find(tx, email_id)
    return Confirmation(
        translate(language, "Send the mail “%(template)s” again", template=mail.template),
        [
            translate(language, "It goes to %(address)s, with at most ten more tries.", address=mail.address),
            translate(language, "Its manual task is closed."),
        ],
        translate(language, "Send it again"),
        record=f"/admin/orders/{mail.order_id}" if mail.order_id else "",
    )


def _confirm_lift(tx: Transaction, _admin: Principal, email_id: UUID, language: Language) -> Confirmation:
    address = mask(suppressions.address_of(tx, email_id))
    return Confirmation(
        translate(language, "Send mails to %(address)s again", address=address),
        [
            translate(language, "The next mail to this address goes out. It is stopped again if that comes back."),
            translate(language, "Who has called a mail spam must have asked for this."),
        ],
        translate(language, "Lift it"),
    )


def _resend(tx: Transaction, admin: Principal, email_id: UUID, _input: NoInput) -> None:
    sending.resend(tx, email_id, by=admin.id)


def _lift(tx: Transaction, admin: Principal, email_id: UUID, _input: NoInput) -> None:
    suppressions.lift(tx, LiftRequest(email=suppressions.address_of(tx, email_id)), by=admin.id)


ACTIONS: Final = (
    Action(f"{MAILS}/{{subject_id}}/send-again", "email", MAILS, _confirm_resend, _resend),
    Action(f"{SUPPRESSIONS}/{{subject_id}}/lift", "mail_suppression", SUPPRESSIONS, _confirm_lift, _lift),
)
actions.register(pages, *ACTIONS)
