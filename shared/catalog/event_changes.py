"""Changes of a published event, kept until every ticket holder has been notified.

    record       in the transaction of the change: a pending row, which further changes join
    start        the row is due: further changes get a row of their own
    next_batch   the next orders to notify, and the progress of the notices, in one transaction

A change of dates or place moves the event. `moved_at` is the time of the last one, which a change of names that joins
it leaves as it is. Changes that undo each other before anybody was notified are dropped.

Notices of the first change of a day leave within seconds. Each further one waits twice as long as the one before, so
that nobody gets a mail for every keystroke, but at most a fiftieth of the time left until the event: two minutes where
it starts in less than two hours.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.cloud import tasks
from shared.cloud.database import Transaction, after_commit

FIRST_DELAY_SECONDS = 15
NEXT_DELAY_SECONDS = 900
TIME_LEFT_DIVISOR = 50
BATCH_SIZE = 100

log = logging.getLogger(__name__)

_NOTIFIED_FIELDS = text("""
    SELECT jsonb_build_object(
        'title', title, 'start_date', start_date, 'end_date', end_date, 'timezone', timezone,
        'venue', venue, 'location', location,
        'tiers', (SELECT COALESCE(jsonb_object_agg(t.id, t.name), '{}') FROM ticket_tiers t WHERE t.event_id = e.id))
    FROM events e WHERE id = :event_id
""")
_RECORD = text("""
    INSERT INTO event_changes AS c (event_id, before, after, offers_refund, moved_at, due_at)
    SELECT e.id, CAST(:before AS jsonb), CAST(:after AS jsonb), e.refund_after_change, now(),
        now() + make_interval(secs => LEAST(
            (SELECT CASE count(*) WHEN 0 THEN :first ELSE :next * 2 ^ (count(*) - 1) END FROM event_changes
                WHERE event_id = e.id AND started_at > now() - interval '1 day'),
            GREATEST(:first, extract(epoch FROM
                LEAST(e.start_date, CAST(CAST(:before AS jsonb) ->> 'start_date' AS timestamptz)) - now()) / :share)))
    FROM events e WHERE e.id = :event_id
    ON CONFLICT (event_id) WHERE started_at IS NULL
    DO UPDATE SET after = excluded.after, offers_refund = excluded.offers_refund, changed_at = now(),
        moved_at = CASE c.after - CAST('{title,tiers}' AS text[])
            WHEN excluded.after - CAST('{title,tiers}' AS text[]) THEN c.moved_at ELSE now() END,
        due_at = LEAST(c.due_at, excluded.due_at)
    RETURNING id, due_at, before - 'tiers' = after - 'tiers'
        AND before -> 'tiers' <@ (after -> 'tiers') AS is_undone
""")
_DELETE = text("DELETE FROM event_changes WHERE id = :id")
_START = text("""
    UPDATE event_changes SET started_at = now(), updated_at = now()
    WHERE id = :id AND started_at IS NULL AND due_at <= now() + interval '5 seconds'
""")
_LOCK = text("""
    SELECT id, event_id, before, after, changed_at, last_order_id FROM event_changes
    WHERE id = :id AND started_at IS NOT NULL AND finished_at IS NULL FOR UPDATE
""")
_NEXT_ORDERS = text("""
    SELECT id FROM orders  -- Uses index: orders_event_created
    WHERE event_id = :event_id AND status IN ('reserved', 'pending_payment', 'paid') AND created_at <= :changed_at
        AND (CAST(:tier_ids AS uuid[]) IS NULL OR EXISTS (
            SELECT 1 FROM order_items i WHERE i.order_id = orders.id AND i.tier_id = ANY(CAST(:tier_ids AS uuid[]))))
        AND (CAST(:after AS uuid) IS NULL OR id > CAST(:after AS uuid))
    ORDER BY id LIMIT :most
""")
_ADVANCE = text("UPDATE event_changes SET last_order_id = :last, updated_at = now() WHERE id = :id")
_FINISH = text("UPDATE event_changes SET finished_at = now(), updated_at = now() WHERE id = :id")


@dataclass(frozen=True)
class NoticeBatch:
    """The next orders whose buyers and ticket holders are notified of a change.

    The change affects buyers of `tier_ids` only, or everybody where it is None.
    """

    order_ids: Sequence[UUID]
    tier_ids: Sequence[UUID] | None


def notified_fields(tx: Transaction, event_id: UUID) -> Mapping[str, Any]:
    """The fields of an event whose changes are notified: title, dates, place, and the names of its tiers."""
    found: Mapping[str, Any] = tx.execute(_NOTIFIED_FIELDS, {"event_id": event_id}).scalar_one()
    return found


def record(tx: Transaction, event_id: UUID, before: Mapping[str, Any]) -> None:
    """Record the changes of a locked, published event since `before` (its `notified_fields`), and schedule notices."""
    after = notified_fields(tx, event_id)
    if _common_tiers(before, after) == _common_tiers(after, before):
        return
    values = {"event_id": event_id, "before": json.dumps(before), "after": json.dumps(after)}
    delays = {"first": FIRST_DELAY_SECONDS, "next": NEXT_DELAY_SECONDS, "share": TIME_LEFT_DIVISOR}
    row = tx.execute(_RECORD, {**values, **delays}).one()
    if row.is_undone:
        tx.execute(_DELETE, {"id": row.id})
    else:
        after_commit(tx, lambda: schedule_notices(row.id, row.due_at))


def start(tx: Transaction, change_id: UUID) -> None:
    """Close a due change, so that further changes get a row of their own. Does nothing before it is due.

    Call it in a transaction of its own, so that editors of the event do not wait for the notices.
    """
    tx.execute(_START, {"id": change_id})


def next_batch(tx: Transaction, change_id: UUID) -> NoticeBatch | None:
    """The next orders to notify, which count as notified once `tx` commits; None where none is left.

    These are the live and paid orders that were reserved before the change.
    """
    change = tx.execute(_LOCK, {"id": change_id}).first()
    if change is None:
        return None
    tier_ids = _affected_tiers(change.before, change.after)
    names = {"event_id": change.event_id, "changed_at": change.changed_at, "after": change.last_order_id}
    order_ids = tx.execute(_NEXT_ORDERS, {**names, "tier_ids": tier_ids, "most": BATCH_SIZE}).scalars().all()
    if not order_ids:
        tx.execute(_FINISH, {"id": change_id})
        return None
    tx.execute(_ADVANCE, {"id": change_id, "last": order_ids[-1]})
    return NoticeBatch(order_ids, tier_ids)


def schedule_notices(change_id: UUID, due_at: datetime | None = None) -> None:
    """Create the task that sends the notices of a change from `due_at` on, or continues with them."""
    try:
        tasks.enqueue("notices", "send_email", "/tasks/notify", {"change_id": str(change_id)}, due_at=due_at)
    except tasks.NotEnqueued as unreachable:  # reconcile continues with it
        log.warning("event_change.task_failed", extra={"change_id": str(change_id), "error": str(unreachable)})


def _affected_tiers(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[UUID] | None:
    if any(before[name] != after[name] for name in before if name != "tiers"):
        return None
    return [UUID(tier_id) for tier_id, name in before["tiers"].items() if after["tiers"].get(tier_id, name) != name]


def _common_tiers(facts: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The fields without tiers that `other` lacks: a new tier changes nothing for ticket holders."""
    return {**facts, "tiers": {key: name for key, name in facts["tiers"].items() if key in other["tiers"]}}
