"""Issuing: a paid order gets what it has bought (TS-014 to TS-020, REG-2, PROD-1, PROD-2).

One ticket per seat and participant, each with its PDF; a BIB number per runner; what products need.

First the rows, then the PDFs in batches, then the word that all is there. No transaction is open over a network call.
Each batch is recorded in the transaction that leases the next one, or says that all is there: a crash costs one batch,
whose files keep their names. Deliveries of the same order share the tickets by leases that expire. A delivery that runs
out of time asks for another one, which is a first try again: the tries of PS-023 count failures, not progress.
"""

import logging
import time
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import text

from shared.cloud import manual_tasks, outbox
from shared.cloud.database import Transaction, transaction
from shared.sales import orders
from shared.sales.orders import Order
from shared.states import GOODS, OrderStatus, TierKind
from shared.tickets import bibs, fulfilment, qr, ticket_rendering
from shared.tickets.ticket_rendering import RenderedTicket, TicketRow

MAX_ATTEMPTS = 5
"""After so many deliveries a person takes over (PS-023)."""
RENDERING_SECONDS = 40
"""The time that one delivery renders: the function's time-out of 60 seconds, less what one slow ticket may take."""
BATCH_SIZE: Final = 10
"""The most tickets that a delivery leases, renders and records together."""
LEASE_SECONDS: Final = 15
"""The time for which a delivery has tickets to itself: longer than rendering and storing a batch takes."""

_LOOK_AGAIN_SECONDS = 0.2

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
_IS_UNRENDERED = """
    t.order_id = :order_id AND t.status <> 'void' AND t.pdf_object IS NULL
    AND NOT EXISTS (SELECT 1 FROM orders o JOIN users u ON u.id = o.user_id WHERE o.id = t.order_id AND u.is_deleted)
"""
_LACKS_PDFS = text(f"SELECT EXISTS (SELECT 1 FROM tickets t WHERE {_IS_UNRENDERED})")
_LEASE = text(f"""
    WITH leased AS (
        UPDATE tickets SET print_claimed_until = now() + make_interval(secs => :lease_seconds)
        WHERE id IN (
            SELECT t.id FROM tickets t JOIN order_items i ON i.id = t.order_item_id
            WHERE {_IS_UNRENDERED} AND (t.print_claimed_until IS NULL OR t.print_claimed_until < now())
            ORDER BY i.position LIMIT :most)
        RETURNING id AS leased_id)
    {ticket_rendering.TICKETS} JOIN leased ON leased_id = t.id ORDER BY i.position
""")
_RELEASE = text("UPDATE tickets SET print_claimed_until = NULL WHERE id = ANY(:ticket_ids) AND pdf_object IS NULL")


def issue(order_id: UUID, *, rendering_seconds: float = RENDERING_SECONDS) -> int:
    """Issue what a paid order still lacks and return how many tickets that added.

    Publishes `ticket.created` once all tickets are issued and rendered, or `payment.success` again when its time ran
    out before. Does nothing for an order that isn't paid (any more). Opens its own transactions. Raises NotFound, and
    whatever stops the database or the storage: call again.
    """
    until = time.monotonic() + rendering_seconds
    with transaction() as tx:
        order = orders.lock(tx, order_id)
        added = add_missing(tx, order)
        leased = _lease_or_complete(tx, order, has_time=True)
    while leased is not None:
        if not leased:  # another delivery has what is left; should it die, its leases run out
            time.sleep(_LOOK_AGAIN_SECONDS)
        rendered = _render_leased(leased, until)
        with transaction() as tx:
            order = orders.lock(tx, order_id)
            _record_leased(tx, leased, rendered)
            leased = _lease_or_complete(tx, order, has_time=not rendered or time.monotonic() < until)
    return added


def _lease_or_complete(tx: Transaction, order: Order, *, has_time: bool) -> Sequence[TicketRow] | None:
    """The next tickets to render, none where others render the rest; None where there is nothing more to do here."""
    if order.status != OrderStatus.PAID:
        return None
    if not tx.execute(_LACKS_PDFS, {"order_id": order.id}).scalar_one():
        _complete(tx, order)
        return None
    if not has_time:
        outbox.add(tx, "payment.success", {"order_id": order.id})
        return None
    return lease(tx, order.id)


def lease(tx: Transaction, order_id: UUID) -> Sequence[TicketRow]:
    """Lease the next tickets of a locked order that lack their PDFs to the caller for LEASE_SECONDS.

    None of them where others have leased all that is left.
    """
    return tx.execute(_LEASE, {"order_id": order_id, "lease_seconds": LEASE_SECONDS, "most": BATCH_SIZE}).all()


def _render_leased(leased: Sequence[TicketRow], until: float) -> list[RenderedTicket]:
    """Render and store leased tickets: one at least, others while `until` (time.monotonic) has not come.

    Takes its own time, so never call it in a transaction. A failure records what is stored, and ends the leases of the
    rest, so that the next try can begin at once.
    """
    rendered: list[RenderedTicket] = []
    try:
        for row in leased:
            if not rendered or time.monotonic() < until:
                rendered.append(ticket_rendering.render_and_store(row))
    except Exception:  # whatever it was, it is raised again: only the leases must not outlive it
        with transaction() as tx:
            orders.lock(tx, leased[0].order_id)
            _record_leased(tx, leased, rendered)
        raise
    return rendered


def _record_leased(tx: Transaction, leased: Sequence[TicketRow], rendered: Sequence[RenderedTicket]) -> None:
    """Record the PDFs of leased tickets, and end the leases of those that were not rendered."""
    ticket_rendering.record_rendered(tx, rendered)
    left = {row.ticket_id for row in leased} - {each.ticket_id for each in rendered}
    if left:
        tx.execute(_RELEASE, {"ticket_ids": list(left)})


def _complete(tx: Transaction, order: Order) -> None:
    """Note that all is issued, and say so, once."""
    if not order.tickets_issued_at:
        orders.mark_issued(tx, order)
        manual_tasks.close(tx, order.id, by=None)
        outbox.add(tx, "ticket.created", {"order_id": order.id})


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


def add_missing(tx: Transaction, order: Order) -> int:
    """Add the rows of the tickets that a locked order lacks, if it is paid; return how many."""
    if order.status != OrderStatus.PAID:
        return 0
    kinds = set(tx.execute(_KINDS, {"order_id": order.id}).scalars())
    if TierKind.REGISTRATION in kinds:
        bibs.assign_missing(tx, order.id)
    if kinds & GOODS:
        fulfilment.assign_missing(tx, order.id)
    return _add_tickets(tx, order.id)


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
