"""Refunds of all events: decided, sent again, booked as paid by hand; dashboard refunds and disputes (PS-015..023)."""

from typing import Final
from uuid import UUID

from pydantic import BaseModel

from shared.accounting import ledger
from shared.cloud.database import Transaction, transaction
from shared.gateways.names import NAMES
from shared.identity import principals
from shared.identity.tokens import Principal
from shared.payments import disputes
from shared.payments import records as payment_records
from shared.payments.disputes import LostDispute
from shared.refunds import approval, dashboard_decisions, event_refunds
from shared.refunds import manual as manual_refunds
from shared.refunds import schemas as refund_schemas
from shared.refunds.approval import RefundAlreadyDecided, RefundNotRetryable, Rejection
from shared.refunds.dashboard_decisions import SOLD, DashboardRefundRequest, NothingInSuspense
from shared.refunds.event_refunds import EventRefund
from shared.refunds.manual import ManualRefundRequest
from shared.refunds.schemas import RefundQuery
from shared.sales.schemas import OrderResponse
from shared.site import forms, lists, rendering
from shared.site.admin import actions
from shared.site.admin.actions import Action, Choice, Confirmation, Field, NoInput
from shared.site.admin.formatting import gateway, money
from shared.site.languages import translate
from shared.states import RefundStatus
from shared.web import AdminOfDesk, App
from shared.web.pages import Language, Page, PageRequest

LIST: Final = "/admin/refunds"
RETRYABLE: Final = (RefundStatus.APPROVED, RefundStatus.FAILED)

pages = App("site")


@pages.page(LIST)
def listing(request: PageRequest, admin: AdminOfDesk) -> Page:
    """The refunds of all events, of one status or any, newest first."""
    filters = forms.non_empty(request.query, "status")
    wanted, _ = forms.read(RefundQuery, {**filters, **lists.page_of(request)}, request.language)
    with transaction() as tx:
        found = refund_schemas.list_page(tx, admin, wanted or RefundQuery())
    return rendering.form_page(
        "admin/refunds.html",
        request,
        viewer=admin,
        listing=found,
        filters=filters if wanted else {},
        statuses=list(RefundStatus),
    )


@pages.page(f"{LIST}/{{refund_id}}")
def refund(request: PageRequest, refund_id: UUID, admin: AdminOfDesk) -> Page:
    """One refund, and what can be done about it."""
    with transaction() as tx:
        found = _read(tx, admin, refund_id)
    return rendering.form_page("admin/refund.html", request, viewer=admin, found=found, retryable=RETRYABLE)


def _read(tx: Transaction, admin: Principal, refund_id: UUID) -> EventRefund:
    """A refund with its buyer. Raises NotFound."""
    event_id = refund_schemas.read_visible(tx, refund_id, admin).event_id
    [found] = event_refunds.read_selected(tx, admin, event_id, [refund_id])
    return found


def _confirm_approve(tx: Transaction, admin: Principal, refund_id: UUID, language: Language) -> Confirmation:
    found = _read(tx, admin, refund_id)
    if found.refund.status != RefundStatus.REQUESTED:
        raise RefundAlreadyDecided
    amount = money(language, found.refund.amount)
    units = ", ".join(each.description for each in found.refund.lines)
    return Confirmation(
        translate(language, "Approve the refund of %(amount)s", amount=amount),
        [
            translate(language, "%(amount)s goes back to %(buyer)s.", amount=amount, buyer=found.buyer_name),
            translate(language, "These are void at once, and can be sold again: %(units)s", units=units),
            translate(
                language,
                "The organizer's payout becomes %(amount)s less.",
                amount=money(language, found.organizer_share),
            ),
        ],
        translate(language, "Approve: %(amount)s goes back", amount=amount),
        record=_record_page(found),
    )


def _confirm_reject(tx: Transaction, admin: Principal, refund_id: UUID, language: Language) -> Confirmation:
    found = _read(tx, admin, refund_id)
    if found.refund.status != RefundStatus.REQUESTED:
        raise RefundAlreadyDecided
    amount = money(language, found.refund.amount)
    return Confirmation(
        translate(language, "Decline the refund of %(amount)s", amount=amount),
        [
            translate(language, "Nothing goes back, and the tickets stay valid."),
            translate(language, "%(buyer)s is told your reason by mail.", buyer=found.buyer_name),
        ],
        translate(language, "Decline"),
        [Field("reason", translate(language, "Why?"), translate(language, "The buyer reads it."), max_length=1000)],
        record=_record_page(found),
        is_danger=True,
    )


def _confirm_retry(tx: Transaction, admin: Principal, refund_id: UUID, language: Language) -> Confirmation:
    found = _read(tx, admin, refund_id)
    if found.refund.status not in RETRYABLE:
        raise RefundNotRetryable(refund_status=found.refund.status)
    amount = money(language, found.refund.amount)
    return Confirmation(
        translate(language, "Send the refund of %(amount)s again", amount=amount),
        [
            translate(language, "%(amount)s is sent to %(buyer)s now.", amount=amount, buyer=found.buyer_name),
            translate(language, "It carries the same id at the gateway, so it can't be paid twice."),
            translate(language, "Where a bank account is missing, it goes on waiting for one."),
        ],
        translate(language, "Send it again"),
        record=_record_page(found),
    )


def _confirm_record_manual(tx: Transaction, admin: Principal, refund_id: UUID, language: Language) -> Confirmation:
    found = _read(tx, admin, refund_id)
    manual_refunds.refuse_unless_owed(tx, refund_id)
    amount = money(language, found.refund.amount)
    return Confirmation(
        translate(language, "Book %(amount)s as paid by hand", amount=amount),
        [
            translate(
                language,
                "Only if the gateway's dashboard says that exactly %(amount)s has arrived, under this id: %(id)s",
                amount=amount,
                id=refund_id,
            ),
            translate(language, "The refund is completed: nothing more is sent to %(buyer)s.", buyer=found.buyer_name),
            translate(language, "The books say that the gateway has paid %(amount)s.", amount=amount),
        ],
        translate(language, "Book it: %(amount)s is paid", amount=amount),
        [
            Field(
                "through",
                translate(language, "At whose dashboard was it paid?"),
                kind="choice",
                choices=[Choice(each, gateway(each)) for each in NAMES],
            ),
            Field(
                "note",
                translate(language, "What was done"),
                translate(language, "No names and no account numbers: day, payout, ticket."),
            ),
        ],
        record=_record_page(found),
    )


def _confirm_assign(tx: Transaction, _admin: Principal, payment_id: UUID, language: Language) -> Confirmation:
    order = OrderResponse.read(tx, payment_records.read(tx, payment_id).order_id)
    suspense = ledger.suspense_amount(tx, order.id)
    if suspense <= 0:
        raise NothingInSuspense
    amount = money(language, suspense)
    prices = {item.id: item.unit_price for item in order.items}
    return Confirmation(
        translate(language, "What were the %(amount)s for?", amount=amount),
        [
            translate(
                language, "%(amount)s went back at the gateway's dashboard; no more money moves now.", amount=amount
            ),
            translate(language, "The tickets that you tick become void, and their places are free."),
            translate(language, "The organizer bears the price of these, then our commission and fee."),
            translate(language, "What is left is goodwill, at our cost: all of it where you tick nothing."),
        ],
        translate(language, "Book %(amount)s so", amount=amount),
        [
            Field(
                "item_ids",
                translate(language, "It was for"),
                kind="many",
                choices=[
                    Choice(
                        str(item.id),
                        f"{item.tier_name} · {item.attendee_name or '–'} · {money(language, prices[item.id])}",
                    )
                    for item in order.items
                ],
            )
        ]
        if order.status in SOLD
        else [],
        record=f"/admin/orders/{order.id}",
        is_danger=True,
    )


def _confirm_lose(tx: Transaction, _admin: Principal, payment_id: UUID, language: Language) -> Confirmation:
    most = money(language, disputes.disputed_amount(tx, payment_id))
    order_id = payment_records.read(tx, payment_id).order_id
    return Confirmation(
        translate(language, "Book that the dispute is lost"),
        [
            translate(language, "Only once the gateway says so: it has taken up to %(amount)s from us.", amount=most),
            translate(language, "If all of it is gone, the order ends: its tickets become void, their places free."),
            translate(language, "If a part is gone, you are asked next what it was for."),
        ],
        translate(language, "Book it as lost"),
        [
            Field(
                "amount",
                translate(language, "How many rupiah did the bank take?"),
                translate(language, "At most %(amount)s", amount=most),
                kind="amount",
            ),
            Field(
                "note",
                translate(language, "Where it is written"),
                translate(language, "No names and no account numbers: day, payout, ticket."),
            ),
        ],
        record=f"/admin/orders/{order_id}",
        is_danger=True,
    )


def _approve(tx: Transaction, admin: Principal, refund_id: UUID, _input: NoInput) -> None:
    approval.approve(tx, admin, refund_id)


def _reject(tx: Transaction, admin: Principal, refund_id: UUID, rejection: Rejection) -> None:
    approval.reject(tx, admin, refund_id, rejection)


def _retry(tx: Transaction, admin: Principal, refund_id: UUID, _input: NoInput) -> None:
    approval.retry(tx, admin, refund_id)


def _record_manual(tx: Transaction, admin: Principal, refund_id: UUID, paid: ManualRefundRequest) -> None:
    manual_refunds.record(tx, admin.id, refund_id, paid)


def _assign(tx: Transaction, admin: Principal, payment_id: UUID, wanted: DashboardRefundRequest) -> None:
    dashboard_decisions.decide(tx, admin.id, payment_id, wanted)


def _lose(tx: Transaction, admin: Principal, payment_id: UUID, lost: LostDispute) -> None:
    disputes.lose(tx, admin.id, payment_id, lost)


def _record_page(found: EventRefund) -> str:
    return f"/admin/orders/{found.refund.order_id}"


def _action(name: str, confirm: actions.Confirm, act: actions.Act, model: type[BaseModel] = NoInput) -> Action:
    return Action(
        f"{LIST}/{{subject_id}}/{name}", "refund", LIST, confirm, act, model, proof=principals.require_step_up
    )


def _payment_action(name: str, confirm: actions.Confirm, act: actions.Act, model: type[BaseModel]) -> Action:
    path = f"/admin/payments/{{subject_id}}/{name}"
    return Action(path, "payment", "/admin/tasks", confirm, act, model, proof=principals.require_step_up)


ACTIONS: Final = (
    _action("approve", _confirm_approve, _approve),
    _action("reject", _confirm_reject, _reject, Rejection),
    _action("retry", _confirm_retry, _retry),
    _action("paid-by-hand", _confirm_record_manual, _record_manual, ManualRefundRequest),
    _payment_action("dashboard-refund", _confirm_assign, _assign, DashboardRefundRequest),
    _payment_action("dispute-lost", _confirm_lose, _lose, LostDispute),
)
actions.register(pages, *ACTIONS)
