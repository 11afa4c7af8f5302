"""Asking the gateway for the truth about one payment, and settling what it says (L2)."""

import logging
from uuid import UUID

from sqlalchemy import text

from shared.cloud import authorization
from shared.cloud.database import Transaction, transaction
from shared.gateways import registry
from shared.gateways.errors import GatewayError
from shared.identity.tokens import Principal
from shared.payments import records as payment_records
from shared.payments import settlement
from shared.payments.settlement import SettlementOutcome
from shared.problems import NotFound
from shared.sales.schemas import PAYMENT_COLUMNS, PaymentResponse

ASKED_AT_MOST_EVERY_SECONDS = 30  # ISO-2

log = logging.getLogger(__name__)

_WHOSE = text("""
    SELECT o.user_id, o.organizer_id FROM payments p JOIN orders o ON o.id = p.order_id WHERE p.id = :id
""")
_CLAIM = text("""
    UPDATE payments SET last_asked_at = now()
    WHERE id = :id AND status = 'pending'
      AND (last_asked_at IS NULL OR last_asked_at < now() - make_interval(secs => :seconds))
    RETURNING id
""")
_ANSWER = text(f"SELECT {PAYMENT_COLUMNS} FROM payments WHERE id = :id")


def status(viewer: Principal, payment_id: UUID) -> PaymentResponse:
    """A payment as it is, after asking its gateway where that was not done in the last 30 seconds.

    A gateway that doesn't answer is no error here: the buyer sees what we know. Raises NotFound.
    """
    with transaction() as tx:
        _check_visible(tx, viewer, payment_id)
        claimed = tx.execute(_CLAIM, {"id": payment_id, "seconds": ASKED_AT_MOST_EVERY_SECONDS}).first()
    if claimed:
        try:
            sync_payment(payment_id)
        except GatewayError as error:
            log.warning("sync.gateway_failed", extra={"payment_id": str(payment_id), "error": str(error)})
    with transaction() as tx:
        return PaymentResponse.of(tx.execute(_ANSWER, {"id": payment_id}).mappings().one())


def sync_payment(payment_id: UUID, reference: str | None = None) -> SettlementOutcome:
    """Ask the gateway about a payment and act on its answer. Raises the errors of shared.gateways.errors.

    `reference` is what the gateway calls it, where that may be another invoice than the one we keep.
    """
    with transaction() as tx:
        payment = payment_records.read(tx, payment_id)
    if payment.gateway == "none":
        return SettlementOutcome.NOTHING
    statuses = registry.gateway(payment.gateway).status(payment, reference)  # none where it was never opened
    with transaction() as tx:
        return settlement.settle_all(tx, payment, statuses)


def sync_refunds(payment_id: UUID) -> SettlementOutcome:
    """Ask what has gone back of a payment, by whomever, and book it. Raises the errors of shared.gateways.errors."""
    with transaction() as tx:
        payment = payment_records.read(tx, payment_id)
    statuses = registry.gateway(payment.gateway).status_with_refunds(payment)
    with transaction() as tx:
        return settlement.settle_all(tx, payment, statuses)


def _check_visible(tx: Transaction, viewer: Principal, payment_id: UUID) -> None:
    whose = tx.execute(_WHOSE, {"id": payment_id}).first()
    if whose is None or not authorization.check_access(
        tx, viewer, subject="payment", subject_id=payment_id, organizer_id=whose.organizer_id, owner_id=whose.user_id
    ):
        raise NotFound
