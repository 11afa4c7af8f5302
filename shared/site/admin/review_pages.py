"""Payments in review, whose amount is not the one that was asked for: an admin decides (LATE-1, ISO-3)."""

from typing import Final
from uuid import UUID

from shared.cloud import authorization
from shared.cloud.database import Transaction, transaction
from shared.identity import principals
from shared.identity.tokens import Principal
from shared.models import PageQuery
from shared.payments import records as payment_records
from shared.payments import reviews, unallocated
from shared.payments.reviews import NotUnderpaid
from shared.problems import Problem
from shared.sales.inventory import SoldOut
from shared.sales.orders import NotPayable
from shared.sales.registrations import AlreadyRegistered
from shared.site import lists, rendering
from shared.site.admin import actions
from shared.site.admin.actions import Action, Confirmation, NoInput
from shared.site.admin.formatting import gateway, money
from shared.site.languages import translate
from shared.states import OrderStatus
from shared.web import AdminOfDesk, App
from shared.web.pages import Language, Page, PageRequest

LIST: Final = "/admin/reviews"
HOURS_TO_TOP_UP: Final = 24

pages = App("site")


class NotAcceptable(Problem):
    """The order has ended, and can't be paid by this any more. Refund the money instead."""

    status, slug = 409, "review-not-acceptable"


@pages.page(LIST)
def listing(request: PageRequest, admin: AdminOfDesk) -> Page:
    """The payments that wait for a decision, oldest first."""
    with transaction() as tx:
        authorization.record_list_access(tx, admin, subject="payment")
        found = reviews.list_waiting(tx, PageQuery(**lists.page_of(request)))
    return rendering.form_page("admin/reviews.html", request, viewer=admin, listing=found)


def _confirm_accept(tx: Transaction, _admin: Principal, payment_id: UUID, language: Language) -> Confirmation:
    waiting = reviews.read_waiting(tx, payment_id)
    missing = reviews.missing_amount(tx, waiting)
    difference = money(language, abs(missing))
    return Confirmation(
        translate(language, "Accept %(amount)s as the full price", amount=money(language, waiting.received_amount)),
        [
            translate(language, "The order becomes paid: its tickets are issued and mailed to the buyer."),
            translate(
                language, "%(amount)s is missing for good: we bear it, the organizer does not.", amount=difference
            )
            if missing > 0
            else translate(
                language, "%(amount)s more than its price stays with us, as a difference.", amount=difference
            ),
        ],
        translate(language, "Accept: the order is paid"),
        record=_record_page(waiting.order_id),
    )


def _confirm_refund(tx: Transaction, _admin: Principal, payment_id: UUID, language: Language) -> Confirmation:
    waiting = reviews.read_waiting(tx, payment_id)
    left = unallocated.unrefunded_amount(tx, payment_records.read(tx, payment_id))
    amount = money(language, left)
    effects = [
        translate(
            language,
            "%(amount)s goes back to its buyer by %(gateway)s, or to their bank account where that can't.",
            amount=amount,
            gateway=gateway(waiting.gateway),
        ),
    ]
    if left < waiting.received_amount:
        before = money(language, waiting.received_amount - left)
        effects.append(translate(language, "%(amount)s went back at the gateway's dashboard before.", amount=before))
    if waiting.order_status in (OrderStatus.RESERVED, OrderStatus.PENDING_PAYMENT):
        effects.append(translate(language, "The order ends, and the tickets that it holds are free for others."))
    return Confirmation(
        translate(language, "Give %(amount)s back", amount=amount),
        effects,
        translate(language, "Refund: %(amount)s goes back", amount=amount),
        record=_record_page(waiting.order_id),
        is_danger=True,
    )


def _confirm_top_up(tx: Transaction, _admin: Principal, payment_id: UUID, language: Language) -> Confirmation:
    waiting = reviews.read_waiting(tx, payment_id)
    missing = reviews.missing_amount(tx, waiting)
    if missing <= 0:
        raise NotUnderpaid
    amount = money(language, missing)
    return Confirmation(
        translate(language, "Ask for the missing %(amount)s", amount=amount),
        [
            translate(
                language,
                "The buyer is asked by mail for %(amount)s, and has %(hours)s hours to pay it.",
                amount=amount,
                hours=HOURS_TO_TOP_UP,
            ),
            translate(language, "The tickets stay held until then. If nothing comes, all that came in goes back."),
        ],
        translate(language, "Ask for %(amount)s", amount=amount),
        record=_record_page(waiting.order_id),
    )


def _accept(tx: Transaction, admin: Principal, payment_id: UUID, _input: NoInput) -> None:
    try:
        reviews.accept(tx, admin.id, payment_id)
    except (NotPayable, SoldOut, AlreadyRegistered) as ended:
        raise NotAcceptable from ended


def _refund(tx: Transaction, admin: Principal, payment_id: UUID, _input: NoInput) -> None:
    reviews.refund(tx, admin.id, payment_id)


def _top_up(tx: Transaction, admin: Principal, payment_id: UUID, _input: NoInput) -> None:
    reviews.top_up(tx, admin.id, payment_id)


def _record_page(order_id: UUID) -> str:
    return f"/admin/orders/{order_id}"


ACTIONS: Final = (
    Action(
        f"{LIST}/{{subject_id}}/accept", "payment", LIST, _confirm_accept, _accept, proof=principals.require_step_up
    ),
    Action(
        f"{LIST}/{{subject_id}}/refund", "payment", LIST, _confirm_refund, _refund, proof=principals.require_step_up
    ),
    Action(
        f"{LIST}/{{subject_id}}/top-up",
        "payment",
        LIST,
        _confirm_top_up,
        _top_up,
        proof=principals.require_step_up,
    ),
)
actions.register(pages, *ACTIONS)
