"""Sync: asking the gateway for the status of one payment, and acting on it (L2).

Showing a payment may call its gateway: for API clients once in 30 seconds at most, for an order's page once in 3,
however many viewers there are. The payment's row records the last call, so this holds for all instances together.
"""

import logging
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.cloud import authorization
from shared.cloud.database import Transaction, autocommit, transaction
from shared.gateways import call_deadline, registry
from shared.gateways.errors import GatewayError
from shared.gateways.registry import NO_GATEWAY
from shared.identity.tokens import Principal
from shared.payments import records as payment_records
from shared.payments import status_handling
from shared.payments.status_handling import StatusOutcome
from shared.problems import NotFound, violation
from shared.sales import orders
from shared.sales.schemas import PAYMENT_COLUMNS, PaymentResponse

MIN_SYNC_INTERVAL_SECONDS = 30  # ISO-2
MIN_PAGE_SYNC_INTERVAL_SECONDS = 3
PAGE_TIMEOUT_SECONDS = 0.9
"""The time that a page waits for a gateway's answer."""
_PAGE_WAITS_FOR_LOCKS = "100ms"  # whoever has the order locked is acting on it
_LOCK_NOT_AVAILABLE = "55P03"

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
_CLAIM_OF_ORDER = text("""
    UPDATE payments SET last_asked_at = clock_timestamp() WHERE id = (
        SELECT id FROM payments WHERE order_id = :order_id AND status = 'pending'
          AND (last_asked_at IS NULL OR last_asked_at < clock_timestamp() - make_interval(secs => :seconds))
        ORDER BY attempt DESC LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id
""")
_WAIT_FOR_LOCKS = text("SELECT set_config('lock_timeout', :limit, true)")
_ANSWER = text(f"SELECT {PAYMENT_COLUMNS} FROM payments WHERE id = :id")


def status(viewer: Principal, payment_id: UUID) -> PaymentResponse:
    """A payment, after asking its gateway unless that was done in the last 30 seconds.

    A gateway that doesn't answer is no error here: the buyer sees what we know. Raises NotFound.
    """
    with transaction() as tx:
        _check_visible(tx, viewer, payment_id)
        claimed = tx.execute(_CLAIM, {"id": payment_id, "seconds": MIN_SYNC_INTERVAL_SECONDS}).first()
    if claimed:
        try:
            sync_payment(payment_id)
        except GatewayError as error:
            log.warning("sync.gateway_failed", extra={"payment_id": str(payment_id), "error": str(error)})
    with transaction() as tx:
        return PaymentResponse.of(tx.execute(_ANSWER, {"id": payment_id}).mappings().one())


def refresh(order_id: UUID) -> bool:
    """Sync the payment that an order waits for, for the order's page; return whether the gateway was called.

    It is not called if the order waits for no payment, or within 3 seconds of the last call. It has a second to answer:
    then the page shows what we know, and refreshes again. The caller has checked who may see the order.
    """
    try:
        with transaction() as tx:
            seconds = MIN_PAGE_SYNC_INTERVAL_SECONDS
            payment_id = tx.execute(_CLAIM_OF_ORDER, {"order_id": order_id, "seconds": seconds}).scalar()
        if payment_id is None:
            return False
        with call_deadline.within(PAGE_TIMEOUT_SECONDS):
            _sync(payment_id, lock_timeout=_PAGE_WAITS_FOR_LOCKS)
    except GatewayError as error:
        log.warning("sync.gateway_failed", extra={"order_id": str(order_id), "error": str(error)})
    except DBAPIError as error:
        if violation(error) != _LOCK_NOT_AVAILABLE:
            raise
    return True


def sync_payment(payment_id: UUID, reference: str | None = None) -> StatusOutcome:
    """Ask the gateway about a payment and act on its answer. Raises the errors of shared.gateways.errors.

    `reference` is what the gateway calls it, where that may be another invoice than the one we keep.
    """
    return _sync(payment_id, reference)


def _sync(payment_id: UUID, reference: str | None = None, *, lock_timeout: str | None = None) -> StatusOutcome:
    while True:
        with autocommit() as tx:
            payment = payment_records.read(tx, payment_id)
        if payment.gateway == NO_GATEWAY:
            return StatusOutcome.NOTHING
        statuses = registry.gateway(payment.gateway).status(payment, reference)  # none where it was never opened
        with transaction() as tx:
            if lock_timeout:
                tx.execute(_WAIT_FOR_LOCKS, {"limit": lock_timeout})
            orders.lock(tx, payment.order_id)
            if payment_records.lock(tx, payment_id).status == payment.status:
                return status_handling.handle(tx, payment, statuses)
        log.info("sync.overtaken", extra={"payment_id": str(payment_id)})  # by a newer answer: this one may be old


def sync_refunds(payment_id: UUID) -> StatusOutcome:
    """Ask the gateway for all refunds of a payment, and book them. Raises the errors of shared.gateways.errors."""
    with transaction() as tx:
        payment = payment_records.read(tx, payment_id)
    statuses = registry.gateway(payment.gateway).status_with_refunds(payment)
    with transaction() as tx:
        return status_handling.handle(tx, payment, statuses)


def _check_visible(tx: Transaction, viewer: Principal, payment_id: UUID) -> None:
    whose = tx.execute(_WHOSE, {"id": payment_id}).first()
    if whose is None or not authorization.check_access(
        tx, viewer, subject="payment", subject_id=payment_id, organizer_id=whose.organizer_id, owner_id=whose.user_id
    ):
        raise NotFound
