"""Issuing: a paid order gets what it has bought (TS-014 to TS-020, REG-2, PROD-1, PROD-2).

One ticket per seat and participant, each with its PDF; a BIB number per runner; what products need.

First the rows, then the PDFs one by one, then the word that all is there. No transaction is open over a network call.
Each PDF is noted before the next one is begun, so that a crash costs one of them; deliveries of the same order share
the tickets by claims that run out. A delivery that runs out of time asks for another one, which is a first try again:
the tries of PS-023 count failures, not progress.
"""

import logging
import time
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from shared.cloud import manual_tasks, outbox
from shared.cloud.database import Transaction, transaction
from shared.problems import Problem
from shared.sales import orders
from shared.states import OrderStatus
from shared.tickets import bibs, products, ticket_rendering

MOST_ATTEMPTS = 5
"""After so many deliveries a person takes over (PS-023)."""
PRINTING_SECONDS = 40
"""How long one delivery prints: the function's time-out of 60 seconds, less what one slow ticket may take."""
_LOOK_AGAIN_SECONDS = 0.2

log = logging.getLogger(__name__)

_ADD_MISSING = text("""
    INSERT INTO tickets (order_id, order_item_id, event_id)
    SELECT o.id, i.id, o.event_id
    FROM orders o JOIN order_items i ON i.order_id = o.id JOIN ticket_tiers c ON c.id = i.tier_id
    WHERE o.id = :order_id AND c.kind IN ('ticket', 'registration') AND i.returned_at IS NULL
    ORDER BY i.position
    ON CONFLICT (order_item_id) DO NOTHING
""")
_VOID = text("UPDATE tickets SET status = 'void' WHERE order_id = :order_id AND status <> 'void'")
_VOID_UNUSED = text("""
    UPDATE tickets SET status = 'void' WHERE order_item_id = ANY(:item_ids) AND status = 'issued'
""")
_USED = text("SELECT id FROM tickets WHERE order_item_id = ANY(:item_ids) AND status = 'used'")


class TicketUsed(Problem):
    """A ticket of these has let somebody in already, so it can't be given back. Leave it out."""

    status, slug = 409, "ticket-used"


class ProductsPickedUp(TicketUsed):
    """These products were handed over already, so they can't be given back. Leave them out."""

    slug = "products-picked-up"


def issue(order_id: UUID, *, printing_seconds: float = PRINTING_SECONDS) -> int:
    """Issue what a paid order still lacks and return how many tickets that added.

    Says `ticket.created` the first time all is there, and `payment.success` again where its time did not suffice.
    Does nothing for an order that isn't paid (any more). Opens its own transactions. Raises NotFound, and whatever
    stops the database or the storage: call again.
    """
    added = add_missing(order_id)
    if added is None:
        return 0
    _render_missing(order_id, time.monotonic() + printing_seconds)
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


def void(tx: Transaction, order_id: UUID) -> int:
    """No ticket of a refunded order lets anyone in again, and no code is good for its products.

    Returns how many tickets that ended. The order is locked.
    """
    products.void(tx, order_id)
    return tx.execute(_VOID, {"order_id": order_id}).rowcount


def void_unused(tx: Transaction, item_ids: Sequence[UUID]) -> None:
    """End the tickets of these items, of which none has been used. Raises TicketUsed, ProductsPickedUp.

    The order is locked.

    A product that was picked up is used as well; of one that was not, the counter sees that it is given back.

    A gate that scans one of them in this moment waits for us, or we for it: one of the two comes first.
    """
    tx.execute(_VOID_UNUSED, {"item_ids": list(item_ids)})
    if used := tx.execute(_USED, {"item_ids": list(item_ids)}).scalars().all():
        raise TicketUsed(ticket_ids=[str(ticket_id) for ticket_id in used])
    if products.are_handed_over(tx, item_ids):
        raise ProductsPickedUp


def add_missing(order_id: UUID) -> int | None:
    """Add the rows of the tickets that a paid order lacks; return how many, None for an order that isn't paid."""
    with transaction() as tx:
        if orders.lock(tx, order_id).status != OrderStatus.PAID:
            return None
        bibs.assign_missing(tx, order_id)
        products.assign_missing(tx, order_id)
        return tx.execute(_ADD_MISSING, {"order_id": order_id}).rowcount


def _render_missing(order_id: UUID, until: float) -> None:
    printed: list[ticket_rendering.RenderedTicket] = []
    while True:
        with transaction() as tx:
            order = orders.lock(tx, order_id)
            ticket_rendering.remember(tx, printed)
            if _is_done(tx, order, is_late=bool(printed) and time.monotonic() >= until):
                return
            claimed = ticket_rendering.claim(tx, order_id)
        if claimed is None:  # another delivery has what is left; should it die, its claims run out
            time.sleep(_LOOK_AGAIN_SECONDS)
        printed = [ticket_rendering.render_claimed(claimed)] if claimed else []


def _is_done(tx: Transaction, order: orders.Order, *, is_late: bool) -> bool:
    """Whether nothing is left for this delivery, and say what follows from it."""
    if not ticket_rendering.is_any_missing(tx, order.id):
        _finish(tx, order)
        return True
    if order.status == OrderStatus.PAID and is_late:
        outbox.add(tx, "payment.success", {"order_id": order.id})
    return is_late or order.status != OrderStatus.PAID


def _finish(tx: Transaction, order: orders.Order) -> None:
    if order.status != OrderStatus.PAID or order.tickets_issued_at:
        return
    orders.mark_issued(tx, order)
    manual_tasks.close(tx, order.id, by=None)
    outbox.add(tx, "ticket.created", {"order_id": order.id})
