"""Checkout: one short transaction, the gateway, another short transaction.

    begin   the payment is recorded, with its external id at the gateway, and the hold lasts 30 minutes
    open    the gateway opens the payment; no transaction is open meanwhile
    record  the gateway's response is kept, and the order is confirmed by mail

While a checkout calls the gateway it holds a claim on the payment: another click meanwhile gets CheckoutInProgress. A
crash after `begin` leaves a payment that is `opening`: once the claim has expired, the buyer's next click continues
with it (after asking the gateway whether it exists there), and reconcile expires it if nobody comes back.

Where a gateway does not answer, the same method is opened at the other one (FAILOVER-1). The first payment is given up
in the transaction that records the second, so an order never has two open payments.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import text

from shared.accounting import ledger
from shared.cloud import clock
from shared.cloud.database import Transaction, transaction
from shared.cloud.settings import settings
from shared.gateways import registry
from shared.gateways.errors import GatewayError, GatewayRefused, GatewayUnavailable
from shared.gateways.names import GatewayName
from shared.gateways.statuses import Customer, OpenedPayment, PaymentMethod
from shared.identity import messenger_accounts
from shared.messages import mails
from shared.models import RequestModel
from shared.payments import gateway_circuits, payment_options, status_handling
from shared.payments import records as payment_records
from shared.payments.gateway_circuits import Circuit
from shared.payments.records import Payment
from shared.problems import Invalid, Problem, TryAgain
from shared.sales import attendees, expiry, orders, registrations
from shared.sales.identity_numbers import IdentityFields
from shared.sales.orders import Order, ReservationExpired
from shared.sales.reservation_requests import Email, Name
from shared.sales.schemas import OrderResponse, PaymentResponse
from shared.sentences import Sentence
from shared.states import PaymentStatus

LOOK_AGAIN_SECONDS = 2

log = logging.getLogger(__name__)

Method = Annotated[PaymentMethod, Field(strict=False)]


class NamedAttendee(IdentityFields):
    """The person who will use one ticket of the order."""

    item_id: UUID
    name: Name
    email: Email


class CheckoutRequest(RequestModel):
    """The buyer's choice of how to pay, and the attendees that were not named at reservation."""

    payment_method: Method
    gateway: GatewayName | None = None
    attendees: Annotated[list[NamedAttendee], Field(max_length=500)] | None = None


class InvoiceRequest(RequestModel):
    """Another payment for an order, within its reservation."""

    order_id: UUID
    payment_method: Method
    gateway: GatewayName | None = None


class CheckoutInProgress(Problem):
    """Another click is already asking the payment service for this order. Look at the order in a moment."""

    status, slug = 409, "checkout-in-progress"


class PaymentInReview(Problem):
    """Another amount than this order asked for came in. We look at it; pay no more, and see the order's status."""

    status, slug = 409, "payment-in-review"


class AttendeesMissing(Invalid):
    """Name an attendee, with e-mail, for each ticket before paying; with an identity number where the tier asks."""

    slug = "attendees-missing"


class PaymentRefused(Problem):
    """The payment service does not take this order by that method. Choose another method."""

    status, slug = 422, "payment-method-refused"


class GatewayUnreachable(TryAgain):
    """The payment service does not answer. Your tickets are held: try again, or choose another method."""


# Buyers by message have no e-mail address, and neither have the attendees whom they name.
_NAMELESS = text(f"""
    SELECT i.id FROM order_items i JOIN ticket_tiers t ON t.id = i.tier_id
        JOIN orders o ON o.id = i.order_id JOIN users u ON u.id = o.user_id
    WHERE i.order_id = :order_id AND t.kind IN ('ticket', 'registration')
        AND (i.attendee_name IS NULL OR (i.attendee_email IS NULL AND NOT u.email {messenger_accounts.IS_MARKER}))
    ORDER BY i.position
""")
_CUSTOMER = text("""
    SELECT u.full_name AS name, u.email, u.phone, e.title
    FROM orders o JOIN users u ON u.id = o.user_id JOIN events e ON e.id = o.event_id
    WHERE o.id = :order_id
""")


@dataclass(frozen=True)
class _StartedPayment:
    """The result of the first transaction. `resume`: an earlier call may have reached the gateway already."""

    payment: Payment
    customer: Customer
    description: str
    resume: bool


def checkout(
    buyer_id: UUID, order_id: UUID, request: CheckoutRequest, *, may_move: bool | None = None
) -> OrderResponse:
    """Start the payment of an order; return the order with it. An order that costs nothing is paid at once.

    `may_move` says whether the other gateway may take over from one that does not answer; by default it may if the
    request names no gateway. Raises NotFound, ReservationExpired, NotPayable, AttendeesMissing, AlreadyRegistered,
    CheckoutInProgress, PaymentInReview, PaymentRefused, AmountAboveLimit, TryAgain.
    """
    if may_move is None:
        may_move = request.gateway is None
    with transaction() as tx:
        order = orders.lock_own(tx, order_id, buyer_id)
        _name_attendees(tx, order, request.attendees or [])
        begun = _start(
            tx, order, request.payment_method, request.gateway or settings().default_gateway, may_move=may_move
        )
    if begun:
        _open_or_move(begun, may_move)
    with transaction() as tx:
        return OrderResponse.read(tx, order_id)


def retry_payment(buyer_id: UUID, request: InvoiceRequest) -> PaymentResponse:
    """Start another payment within the reservation and return it; the earlier one is cancelled at its gateway."""
    wanted = CheckoutRequest(payment_method=request.payment_method, gateway=request.gateway)
    payments = checkout(buyer_id, request.order_id, wanted).payments
    return next((payment for payment in reversed(payments) if payment.status == PaymentStatus.PENDING), payments[-1])


def _name_attendees(tx: Transaction, order: Order, named: list[NamedAttendee]) -> None:
    if order.status not in orders.LIVE:
        return  # an order that can't be paid keeps its names; `_start` raises why
    numbers: dict[UUID, tuple[UUID, str]] = {}
    for index, attendee in enumerate(named):
        item = attendees.set_attendee(tx, order.id, attendee.item_id, name=attendee.name, email=attendee.email)
        if item is None:
            raise Invalid.field(f"attendees.{index}.item_id", "is not an item of this order")
        if item.asks_identity and attendee.identity_number:
            numbers[attendee.item_id] = (item.tier_id, attendee.identity_number)
    registrations.register(tx, order.id, numbers)


def _refuse_unnamed(tx: Transaction, order: Order) -> None:
    nameless = tx.execute(_NAMELESS, {"order_id": order.id}).scalars().all()
    unidentified = registrations.items_without_identity(tx, order.id)
    errors = [{"field": "attendees", "message": Sentence("item {item}", item=item)} for item in nameless]
    errors += [
        {"field": "attendees", "message": Sentence("identity_number of item {item}", item=item)}
        for item in unidentified
    ]
    if errors:
        raise AttendeesMissing(errors=errors)


def _start(
    tx: Transaction, order: Order, method: PaymentMethod, gateway: str, *, may_move: bool = False
) -> _StartedPayment | None:
    deadline = orders.start_payment(tx, order)
    _refuse_unnamed(tx, order)
    expiry.schedule_expiry_after_commit(tx, deadline)
    if order.total_amount == 0:
        status_handling.complete_free_order(tx, orders.lock(tx, order.id))
        return None
    payment = payment_records.lock_open(tx, order.id)
    if payment and payment.is_claimed:
        raise CheckoutInProgress(retry_after_seconds=LOOK_AGAIN_SECONDS)
    due = _amount_due(tx, order)
    payment_options.require_within_limit(due, method=method, gateway=gateway)
    chosen = _gateway(tx, payment, due, method, gateway) if may_move else gateway
    wanted = (chosen, method, due)
    if payment and (payment.gateway, payment.payment_method, payment.amount - payment.unique_code) != wanted:
        payment_records.expire_and_cancel(tx, payment)
        payment = None
    resume = payment is not None
    if payment is None:
        payment = payment_records.add(tx, order, gateway=chosen, method=method, amount=due, expires_at=deadline)
    elif payment.status == PaymentStatus.PENDING:
        return None
    else:
        payment = payment_records.claim(tx, payment)
    payer = tx.execute(_CUSTOMER, {"order_id": order.id}).one()
    address = None if messenger_accounts.is_marker(payer.email) else payer.email
    customer = Customer(payer.name, address, payer.phone)
    return _StartedPayment(payment, customer, f"Tiket {payer.title}"[:200], resume)


def _gateway(tx: Transaction, payment: Payment | None, due: int, method: PaymentMethod, preferred: str) -> str:
    """The gateway for a method, by its health; a payment that waits to be paid stays where it is."""
    if payment and payment.status == PaymentStatus.PENDING and payment.payment_method == method:
        return payment.gateway
    return payment_options.choose_gateway(tx, due, method=method, preferred=preferred)


def _amount_due(tx: Transaction, order: Order) -> int:
    """The amount due: all, or the rest where too little came in. Raises PaymentInReview."""
    if order.review_reason is None:
        return order.total_amount
    due = order.total_amount - ledger.unallocated_amount(tx, order.id)
    if order.review_reason != orders.TOP_UP or due <= 0:
        raise PaymentInReview
    return due


def _open_or_move(begun: _StartedPayment, may_move: bool) -> None:
    """Open the payment at its gateway, or, where that does not answer, the same at the other one."""
    try:
        _open_at_gateway(begun)
    except GatewayUnreachable:
        if not (may_move and _move(begun.payment)):
            raise


def _move(payment: Payment) -> bool:
    """Give a payment up, and open one by the same method at another gateway; False if no other gateway answers.

    A payment that another checkout has opened or given up meanwhile is left as it is. Raises CheckoutInProgress then.
    """
    method = PaymentMethod(payment.payment_method)
    with transaction() as tx:
        order = orders.lock(tx, payment.order_id)
        now = payment_records.lock(tx, payment.id)
        if order.status in orders.LIVE and now.status != PaymentStatus.OPENING:
            raise CheckoutInProgress(retry_after_seconds=LOOK_AGAIN_SECONDS)
        other = payment_options.other_gateway(tx, payment.amount, method=method, failed=payment.gateway)
        if other is None:
            return False
        log.warning("payment.moved", extra={"payment_id": str(payment.id), "gateway": payment.gateway, "to": other})
        moved = _start(tx, order, method, other)
    if moved:
        _open_at_gateway(moved, failed=[payment.gateway])
    return True


def _open_at_gateway(begun: _StartedPayment, failed: Sequence[str] = ()) -> None:
    """Open a payment at its gateway, after the `failed` ones. Raises GatewayUnreachable, PaymentRefused."""
    payment = begun.payment
    if payment.expires_at <= clock.now():
        raise ReservationExpired
    asked_at = time.monotonic()
    try:
        opened = registry.gateway(payment.gateway).open(
            payment,
            begun.customer,
            description=begun.description,
            return_url=f"{settings().public_url}/orders/{payment.order_id}",
            may_exist=begun.resume,
        )
    except GatewayRefused as refused:
        _mark_failed(payment, refused)
        raise PaymentRefused from refused
    except GatewayError as error:
        _give_back(payment)
        raise _unreachable(payment, error, [*failed, payment.gateway]) from error
    is_slow = time.monotonic() - asked_at >= gateway_circuits.SLOW_SECONDS * settings().timeout_factor
    with transaction() as tx:
        _record_opened(tx, payment, opened)
        record_health = gateway_circuits.record_failure if is_slow else gateway_circuits.record_success
        record_health(tx, _circuit(payment))


def _unreachable(payment: Payment, error: GatewayError, failed: Sequence[str]) -> GatewayUnreachable:
    """The refusal, which names a gateway that has not failed and its methods, the most alike first."""
    seconds = error.retry_after_seconds if isinstance(error, GatewayUnavailable) else 30
    with transaction() as tx:
        pauses = gateway_circuits.pauses(tx)
    others = payment_options.alternatives(
        payment.amount, pauses, method=PaymentMethod(payment.payment_method), failed=failed
    )
    members: dict[str, Any] = {"gateway": payment.gateway}
    if others:
        gateway = others[0].gateway
        methods = [option.method for option in others if option.gateway == gateway]
        members["alternative"] = {"gateway": gateway, "payment_methods": methods}
    return GatewayUnreachable(retry_after_seconds=max(int(seconds), 1), **members)


def _record_opened(tx: Transaction, payment: Payment, opened: OpenedPayment) -> None:
    order = orders.lock(tx, payment.order_id)
    now = payment_records.lock(tx, payment.id)
    if now.gateway_reference not in (None, opened.gateway_reference):  # another checkout took over and was faster
        payment_records.add_duplicate(tx, now, opened.gateway_reference)
        return
    payment_records.mark_opened(tx, now, opened)
    if now.was_given_up:  # while the gateway was making it
        payment_records.require_cancellation(tx, now)
    elif order.status not in orders.LIVE and now.is_open:  # the order ended meanwhile
        payment_records.expire_and_cancel(tx, now)
    else:
        mails.enqueue_about_order(tx, "order_confirmation", order.id, dedupe_key=f"order_confirmation:{order.id}")


def _circuit(payment: Payment) -> Circuit:
    return payment_options.circuit_of(payment.gateway, payment.payment_method)


def _give_back(payment: Payment) -> None:
    """Release the claim on a payment whose gateway did not answer, and record that for all instances.

    One that has ended meanwhile is cancelled at the gateway (again), which may have made it.
    """
    with transaction() as tx:
        orders.lock(tx, payment.order_id)
        now = payment_records.lock(tx, payment.id)
        if now.was_given_up:
            payment_records.require_cancellation(tx, now)
        payment_records.release_claim(tx, payment)
        gateway_circuits.record_failure(tx, _circuit(payment))


def _mark_failed(payment: Payment, error: GatewayError) -> None:
    with transaction() as tx:
        orders.lock(tx, payment.order_id)
        now = payment_records.lock(tx, payment.id)
        if now.status == PaymentStatus.OPENING:
            payment_records.mark_ended(tx, now, PaymentStatus.FAILED, error.reason)
        gateway_circuits.record_success(tx, _circuit(payment))
