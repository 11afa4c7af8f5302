"""Asking the gateway for the truth about one payment, and settling what it says (layer 2)."""

import logging
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction, transaction
from shared.gateways.errors import GatewayError
from shared.identity.tokens import Principal
from shared.payments import attempts, providers, settlement
from shared.payments.settlement import Outcome
from shared.problems import NotFound
from shared.sales.answers import PAYMENT_COLUMNS, PaymentAnswer

ASKED_AT_MOST_EVERY_SECONDS = 30  # ISO-2

log = logging.getLogger(__name__)

_VISIBLE = text("""
    SELECT p.id FROM payments p JOIN orders o ON o.id = p.order_id
    WHERE p.id = :id AND (:is_admin OR o.user_id = :user_id OR o.organizer_id = CAST(:organizer_id AS uuid))
""")
_CLAIM = text("""
    UPDATE payments SET last_asked_at = now()
    WHERE id = :id AND status = 'pending'
      AND (last_asked_at IS NULL OR last_asked_at < now() - make_interval(secs => :seconds))
    RETURNING id
""")
_ANSWER = text(f"SELECT {PAYMENT_COLUMNS} FROM payments WHERE id = :id")


def status(viewer: Principal, payment_id: UUID) -> PaymentAnswer:
    """A payment as it is, after asking its gateway where that was not done in the last 30 seconds.

    A gateway that doesn't answer is no error here: the buyer sees what we know. Raises NotFound.
    """
    with transaction() as tx:
        _check_visible(tx, viewer, payment_id)
        claimed = tx.execute(_CLAIM, {"id": payment_id, "seconds": ASKED_AT_MOST_EVERY_SECONDS}).first()
    if claimed:
        try:
            ask_and_settle(payment_id)
        except GatewayError as error:
            log.warning("sync.gateway_failed", extra={"payment_id": str(payment_id), "error": str(error)})
    with transaction() as tx:
        return PaymentAnswer.of(tx.execute(_ANSWER, {"id": payment_id}).mappings().one())


def ask_and_settle(payment_id: UUID) -> Outcome:
    """Ask the gateway about a payment and act on its answer. Raises the errors of shared.gateways.errors."""
    with transaction() as tx:
        attempt = attempts.read(tx, payment_id)
    if attempt.gateway == "none":
        return Outcome.NOTHING
    fact = providers.ask(attempt)
    if fact is None:  # recorded but never opened: reconcile ends it in its time
        return Outcome.NOTHING
    with transaction() as tx:
        return settlement.settle(tx, payment_id, fact)


def _check_visible(tx: Transaction, viewer: Principal, payment_id: UUID) -> None:
    values = {
        "id": payment_id,
        "user_id": viewer.id,
        "organizer_id": viewer.organizer_id if viewer.role == "organizer" else None,
        "is_admin": viewer.role == "admin",
    }
    if tx.execute(_VISIBLE, values).first() is None:
        raise NotFound
