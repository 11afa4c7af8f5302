"""Manual refunds: paid by a person at a gateway's dashboard, where no execution was possible (PS-017, PS-025).

A refund due by bank transfer is paid as a payout at Xendit whose reference is the refund's id: the nightly
comparison finds it by that name. One due through the payment's gateway, or through Midtrans, is paid as a refund of
that payment.
"""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from shared.accounting import ledger
from shared.cloud.database import Transaction
from shared.field_types import line
from shared.gateways.names import GatewayName
from shared.models import RequestModel
from shared.payouts import transfers
from shared.problems import Invalid, Problem
from shared.refunds import dashboard as dashboard_refunds
from shared.refunds import full_refunds
from shared.refunds import records as refund_records
from shared.refunds.records import Refund
from shared.refunds.schemas import RefundResponse
from shared.sales import orders
from shared.sentences import Sentence
from shared.states import RefundStatus, TransferStatus

_WHAT_TO_DO: Mapping[str, str] = {
    RefundStatus.REQUESTED: "Nobody has decided about this refund yet. Approve it first.",
    RefundStatus.REJECTED: "This refund was rejected, so nothing is owed. Have what you paid called back.",
    RefundStatus.PROCESSING: (
        "This refund is on its way by itself. Wait until it has arrived or failed before you pay it by hand."
    ),
    RefundStatus.COMPLETED: "This refund has arrived already. If you have paid it once more, have that called back.",
}


_PAID_ALREADY = (
    "Money of this order has gone back at the gateway's dashboard already, and pays this refund first. Retry the "
    "refund: what is left of it afterwards is owed. If you have paid it once more, have that called back."
)


class ManualRefundRequest(RequestModel):
    """The way a person has paid a refund: no names, no account numbers."""

    through: GatewayName
    note: Annotated[str, line(500)]


class NotManuallyRefundable(Problem):
    """Only a refund that is owed and not on its way can be paid by hand. Look at its status."""

    status, slug = 409, "refund-not-payable-by-hand"


def record(tx: Transaction, admin_id: UUID, refund_id: UUID, paid: ManualRefundRequest) -> RefundResponse:
    """Book that a person has paid all of a refund. Idempotent.

    Raises NotFound, Invalid, NotManuallyRefundable.
    """
    orders.lock(tx, refund_records.read(tx, refund_id).order_id)
    refund = refund_records.read(tx, refund_id)
    if paid.through not in (transfers.GATEWAY, refund.gateway):
        elsewhere = Sentence(
            "must be {gateway}: {through} has none of this money", gateway=transfers.GATEWAY, through=paid.through
        )
        raise Invalid.field("through", elsewhere)
    if not ledger.was_refunded_manually(tx, refund.id, paid.through):
        _refuse_unless_owed(tx, refund)
        refund_records.complete_manually(tx, refund, paid.through, paid.note, by=admin_id)
        full_refunds.close_if_fully_refunded(tx, refund.order_id)
    return RefundResponse.read(tx, refund_id)


def refuse_unless_owed(tx: Transaction, refund_id: UUID) -> None:
    """Raise what `record` would raise now. Raises NotFound, NotManuallyRefundable."""
    _refuse_unless_owed(tx, refund_records.read(tx, refund_id))


def _refuse_unless_owed(tx: Transaction, refund: Refund) -> None:
    """Refuse a refund that may still arrive, as it would be paid twice."""
    transfer = transfers.newest(tx, refund.id)
    is_on_its_way = transfer is not None and transfer.status == TransferStatus.SENDING
    status = RefundStatus.PROCESSING if is_on_its_way else refund.status
    if status in _WHAT_TO_DO:
        raise NotManuallyRefundable(_WHAT_TO_DO[status], refund_status=status)
    if dashboard_refunds.suspense_amount(tx, refund) > 0 or refund_records.would_exceed_received(tx, refund.id):
        raise NotManuallyRefundable(_PAID_ALREADY, refund_status=status)
