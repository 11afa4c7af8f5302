"""Notices of paid sales to organizers (NOTIFY-1): the first of an event at once, later ones in a digest.

The organizer chooses: `first_sales` (that), `digest` (all in the digest), `off` (nothing). The digest comes every
morning after a day with sales that they have not been notified of. Each sale is in one notice, whatever is repeated.
"""

import time
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from shared.cloud import clock
from shared.cloud.database import Transaction, transaction
from shared.messages import mails
from shared.states import SaleNotices

FIRST_SALES = 10
"""The number of sales of an event with a notice of their own."""
BATCH_SIZE = 100
RUN_SECONDS = 40
"""The time that one run works; the next goes on."""

_SALE = text("""
    SELECT o.id, o.event_id, o.organizer_id, o.paid_at, u.email, u.language, u.sale_notices
    FROM orders o JOIN users u ON u.id = o.organizer_id
    WHERE o.id = :order_id AND o.status = 'paid' AND NOT u.is_deleted
""")
_IS_EARLY = text("""
    SELECT count(*) <= :most FROM (
        SELECT 1 FROM orders  -- Uses index: orders_event_created
        WHERE event_id = :event_id AND status IN ('paid', 'refunded') AND (paid_at, id) <= (:paid_at, :order_id)
        LIMIT :most + 1
    ) AS earlier
""")
_KEEP = text("""
    INSERT INTO digest_sales (order_id, organizer_id) VALUES (:order_id, :organizer_id) ON CONFLICT DO NOTHING
""")
_ORGANIZERS = text("""
    SELECT DISTINCT organizer_id FROM digest_sales  -- Uses index: digest_sales_untold
    WHERE told_at IS NULL AND (CAST(:last AS uuid) IS NULL OR organizer_id > CAST(:last AS uuid))
    ORDER BY organizer_id LIMIT :most
""")
# The sales of a digest by event. Money that went back since was no sale.
_TELL = text("""
    WITH told AS (
        UPDATE digest_sales SET told_at = now() WHERE organizer_id = :organizer_id AND told_at IS NULL
        RETURNING order_id
    )
    SELECT o.event_id, count(*) AS orders, CAST(sum(i.items) AS bigint) AS items,
        CAST(sum(o.subtotal - o.discount_amount) AS bigint) AS amount
    FROM told JOIN orders o ON o.id = told.order_id AND o.status = 'paid'
        CROSS JOIN LATERAL (SELECT count(*) AS items FROM order_items WHERE order_id = o.id) AS i
    GROUP BY o.event_id ORDER BY amount DESC, o.event_id
""")
_ORGANIZER = text("SELECT email, language, sale_notices FROM users WHERE id = :id AND NOT is_deleted")


def notify_organizer(tx: Transaction, order_id: UUID) -> None:
    """Tell the organizer of a paid order: at once, or in the next digest."""
    sale = tx.execute(_SALE, {"order_id": order_id}).first()
    if sale is None or sale.sale_notices == SaleNotices.OFF:
        return
    if sale.sale_notices == SaleNotices.FIRST_SALES and _is_early(tx, sale):
        mails.enqueue(
            tx,
            "sale_made",
            dedupe_key=f"sale_made:{order_id}",
            to=sale.email,
            language=sale.language,
            context={"order_id": order_id},
        )
    else:
        tx.execute(_KEEP, {"order_id": order_id, "organizer_id": sale.organizer_id})


def _is_early(tx: Transaction, sale: Row[Any]) -> bool:
    which = {"event_id": sale.event_id, "paid_at": sale.paid_at, "order_id": sale.id}
    early: bool = tx.execute(_IS_EARLY, {**which, "most": FIRST_SALES}).scalar_one()
    return early


def enqueue_digests() -> int:
    """Enqueue the digests of all organizers with sales that they were not notified of; return how many there were."""
    deadline = time.monotonic() + RUN_SECONDS
    total, last = 0, None
    while time.monotonic() < deadline:
        with transaction() as tx:
            organizer_ids = tx.execute(_ORGANIZERS, {"last": last, "most": BATCH_SIZE}).scalars().all()
        for organizer_id in organizer_ids:
            with transaction() as tx:
                _enqueue_digest(tx, organizer_id)
        total += len(organizer_ids)
        if len(organizer_ids) < BATCH_SIZE:
            break
        last = organizer_ids[-1]
    return total


def _enqueue_digest(tx: Transaction, organizer_id: UUID) -> None:
    sales = [dict(row) for row in tx.execute(_TELL, {"organizer_id": organizer_id}).mappings()]
    organizer = tx.execute(_ORGANIZER, {"id": organizer_id}).first()
    if sales and organizer and organizer.sale_notices != SaleNotices.OFF:
        mails.enqueue(
            tx,
            "sale_digest",
            dedupe_key=f"sale_digest:{organizer_id}:{clock.now().isoformat()}",
            to=organizer.email,
            language=organizer.language,
            context={"organizer_id": organizer_id, "sales": sales},
        )
