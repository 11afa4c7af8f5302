"""Issuing: a paid order gets what it has bought (TS-014 to TS-020, REG-2, PROD-1, PROD-2).

One ticket per seat and participant, each with its PDF; a BIB number per runner; what products need.

First the rows, then the PDFs one by one, then the word that all is there. No transaction is open over a network call.
Each PDF is recorded before the next one is begun, so that a crash costs one of them; deliveries of the same order share
the tickets by leases that expire. A delivery that runs out of time asks for another one, which is a first try again:
the tries of PS-023 count failures, not progress.
"""

import logging
import time
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from shared.cloud import manual_tasks, outbox
from shared.cloud.database import Transaction, transaction
from shared.sales import orders
from shared.states import OrderStatus, TierKind
from shared.tickets import bibs, fulfilment, qr, ticket_rendering

MAX_ATTEMPTS = 5
"""After so many deliveries a person takes over (PS-023)."""
RENDERING_SECONDS = 40
"""The time that one delivery renders: the function's time-out of 60 seconds, less what one slow ticket may take."""

log = logging.getLogger(__name__)

_MISSING = text("""
    SELECT i.id AS item_id, o.event_id, COALESCE(i.attendee_name, u.full_name) AS attendee_name,
        date_trunc('second', now()) AS issued_at
    FROM orders o JOIN users u ON u.id = o.user_id JOIN order_items i ON i.order_id = o.id
        JOIN ticket_tiers c ON c.id = i.tier_id
    WHERE o.id = :order_id AND c.kind IN ('ticket', 'registration') AND i.returned_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM tickets t WHERE t.order_item_id = i.id)
    ORDER BY i.position
""")
_ADD = text("""
    INSERT INTO tickets (id, order_id, order_item_id, event_id, qr_issued_at, qr_hash)
    SELECT added.id, :order_id, added.item_id, :event_id, :issued_at, decode(added.qr_hash, 'hex')
    FROM unnest(CAST(:ids AS uuid[]), CAST(:item_ids AS uuid[]), CAST(:qr_hashes AS text[]))
        AS added (id, item_id, qr_hash)
    ON CONFLICT (order_item_id) DO NOTHING
""")
_KINDS = text("""
    SELECT DISTINCT c.kind FROM order_items i JOIN ticket_tiers c ON c.id = i.tier_id
    WHERE i.order_id = :order_id AND i.returned_at IS NULL
""")


def issue(order_id: UUID, *, rendering_seconds: float = RENDERING_SECONDS) -> int:
    """Issue what a paid order still lacks and return how many tickets that added.

    Publishes `ticket.created` once all tickets are issued and rendered, or `payment.success` again when its time ran
    out before. Does nothing for an order that isn't paid (any more). Opens its own transactions. Raises NotFound, and
    whatever stops the database or the storage: call again.
    """
    added = add_missing(order_id)
    if added is None:
        return 0
    is_complete = ticket_rendering.render_missing(order_id, time.monotonic() + rendering_seconds)
    with transaction() as tx:
        order = orders.lock(tx, order_id)
        if order.status == OrderStatus.PAID and not is_complete:
            outbox.add(tx, "payment.success", {"order_id": order_id})
        elif order.status == OrderStatus.PAID and not order.tickets_issued_at:
            orders.mark_issued(tx, order)
            manual_tasks.close(tx, order_id, by=None)
            outbox.add(tx, "ticket.created", {"order_id": order_id})
    return added


def give_up(tx: Transaction, order_id: UUID, error: Exception) -> bool:
    """Hand an order that can't be issued to a person (PS-023).

    Returns whether the buyer is now to be told that the tickets come within 24 hours; False where the
    order has its tickets by now, or isn't paid any more.
    """
    order = orders.lock(tx, order_id)
    if order.status != OrderStatus.PAID or order.tickets_issued_at:
        return False
    log.error("ticket.issue_failed", exc_info=error, extra={"order_id": str(order_id)})
    manual_tasks.add(tx, "ticket_issue_failed", subject="order", subject_id=order_id, error=type(error).__name__)
    return True


def add_missing(order_id: UUID) -> int | None:
    """Add the rows of the tickets that a paid order lacks; return how many, None for an order that isn't paid."""
    with transaction() as tx:
        if orders.lock(tx, order_id).status != OrderStatus.PAID:
            return None
        kinds = set(tx.execute(_KINDS, {"order_id": order_id}).scalars())
        if TierKind.REGISTRATION in kinds:
            bibs.assign_missing(tx, order_id)
        if kinds & {TierKind.PRODUCT, TierKind.DIGITAL}:
            fulfilment.assign_missing(tx, order_id)
        return _add_tickets(tx, order_id)


def _add_tickets(tx: Transaction, order_id: UUID) -> int:
    missing = tx.execute(_MISSING, {"order_id": order_id}).all()
    if not missing:
        return 0
    items = {uuid4(): item for item in missing}
    values = {
        "order_id": order_id,
        "event_id": missing[0].event_id,
        "issued_at": missing[0].issued_at,
        "ids": list(items),
        "item_ids": [item.item_id for item in missing],
        "qr_hashes": [_qr_hash(ticket_id, item) for ticket_id, item in items.items()],
    }
    return tx.execute(_ADD, values).rowcount


def _qr_hash(ticket_id: UUID, item: Any) -> str:
    content = qr.QrContent(ticket_id, item.event_id, item.attendee_name, issued_at=item.issued_at)
    return qr.short_hash(content).hex()
