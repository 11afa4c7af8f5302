"""Disputes of card payments that are lost: the bank has given the money back to the card's owner (PS-023).

Nothing is booked while a dispute is open, as it may be won. Once it is lost, a person books it. The money has gone back
then as by a refund at the gateway's dashboard, and is treated as one: it pays what is owed to the buyer, ends an order
of which all has gone back, and else waits for a decision what it was for.
"""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.accounting import ledger
from shared.cloud import audit, manual_tasks
from shared.cloud.database import Transaction
from shared.field_types import line
from shared.gateways.statuses import GatewayPaymentState, GatewayPaymentStatus
from shared.models import RequestModel, ResponseModel
from shared.payments import records as payment_records
from shared.payments import status_handling
from shared.payments.records import Payment
from shared.problems import Invalid, Problem
from shared.refunds import records as refund_records
from shared.sales import orders

TASK = f"payment_{GatewayPaymentState.CHARGED_BACK}"


class LostDispute(RequestModel):
    """A dispute that was lost: the rupiah that the bank took, and where that is written."""

    amount: Annotated[int, Field(ge=1)]
    note: Annotated[str, line(500)]


class LostDisputeResponse(ResponseModel):
    """The booked dispute. `to_decide` is what a person is to say the purpose of, in rupiah."""

    payment_id: UUID
    order_id: UUID
    order_status: str
    amount: int
    to_decide: int


class NotDisputed(Problem):
    """No dispute of this payment is open. Somebody has booked or finished it already."""

    status, slug = 409, "not-disputed"


def disputed_amount(tx: Transaction, payment_id: UUID) -> int:
    """The rupiah of a disputed payment that have not gone back through its gateway. Raises NotFound, NotDisputed."""
    payment = payment_records.read(tx, payment_id)
    if not manual_tasks.is_open(tx, TASK, payment_id):
        raise NotDisputed
    returned = sum(each.amount for each in refund_records.gateway_refunds_of(tx, payment_id) if each.was_sent)
    return (payment.received_amount or 0) - returned


def lose(tx: Transaction, admin_id: UUID, payment_id: UUID, lost: LostDispute) -> LostDisputeResponse:
    """Book that a dispute was lost, and close its task. Raises NotFound, NotDisputed, Invalid."""
    payment = payment_records.read(tx, payment_id)
    order = orders.lock(tx, payment.order_id)
    left = disputed_amount(tx, payment_id) - lost.amount
    if left < 0:
        raise Invalid.field("amount", "is more than is left of this payment")
    status_handling.handle(tx, payment, [_status(payment, left)])
    manual_tasks.close_kinds(tx, [TASK], [payment_id], by=admin_id)
    to_decide = ledger.suspense_amount(tx, order.id)
    details = {"amount": lost.amount, "to_decide": to_decide, "note": lost.note}
    audit.record(tx, "payment.dispute_lost", subject="payment", subject_id=payment_id, actor_id=admin_id, **details)
    return LostDisputeResponse(
        payment_id=payment_id,
        order_id=order.id,
        order_status=orders.lock(tx, order.id).status,
        amount=lost.amount,
        to_decide=to_decide,
    )


def _status(payment: Payment, left: int) -> GatewayPaymentStatus:
    """The status of a payment of which so much is left, as a gateway tells it of a refund."""
    return GatewayPaymentStatus(
        gateway=payment.gateway,
        external_id=payment.external_id,
        gateway_reference=payment.gateway_reference or "",
        state=GatewayPaymentState.PARTIALLY_REFUNDED if left else GatewayPaymentState.REFUNDED,
        amount=payment.amount,
        paid_amount=payment.received_amount,
        currency="IDR",
        channel=None,
        transaction_id=None,
        paid_at=None,
        refunded_amount=(payment.received_amount or 0) - left,
        raw_status="dispute lost",
    )
