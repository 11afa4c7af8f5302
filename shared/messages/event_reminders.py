"""Event reminders: holders of tickets are reminded on the day before, by the event's own clock (NS-005).

They go out from nine in the morning on, batch after batch: the mails of a batch and how far the reminders have come
commit together, so that the next run goes on where one has ended. Buyers who paid after that hour have just got their
tickets and are not reminded. An event that is moved to another day is reminded of anew.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text

from shared.cloud import clock
from shared.cloud.database import Transaction, transaction
from shared.messages import mails
from shared.messages.mails import MailRequest

FIRST_HOUR = time_of_day(9)
LONGEST_LEAD = timedelta(hours=39)
"""From nine o'clock to the end of the next day."""
BATCH_SIZE = 200
RUN_SECONDS = 40
"""The time that one run works; the next goes on."""

_UPCOMING = text("""
    SELECT e.id, e.start_date, e.timezone,
        ARRAY(SELECT r.starts_on FROM event_reminders r WHERE r.event_id = e.id AND r.finished_at IS NOT NULL) AS done
    FROM events e  -- Uses index: events_upcoming
    WHERE e.status = 'published' AND e.start_date > :now AND e.start_date <= :until
    ORDER BY e.start_date, e.id
""")
_START = text("""
    INSERT INTO event_reminders (event_id, starts_on) VALUES (:event_id, :starts_on) ON CONFLICT DO NOTHING
""")
_LOCK = text("""
    SELECT last_order_id FROM event_reminders
    WHERE event_id = :event_id AND starts_on = :starts_on AND finished_at IS NULL FOR UPDATE
""")
_NEXT_ORDERS = text("""
    SELECT id FROM orders  -- Uses index: orders_event_paid
    WHERE event_id = :event_id AND status = 'paid' AND paid_at < :paid_before
        AND (CAST(:last AS uuid) IS NULL OR id > CAST(:last AS uuid))
    ORDER BY id LIMIT :most
""")
# Digital goods are no reason to come. Attendees are reminded where their e-ticket was mailed to them.
_RECIPIENTS = text("""
    WITH held AS (
        SELECT i.id, i.order_id, i.position, c.kind, lower(i.attendee_email) AS attendee, b.email, b.language
        FROM order_items i JOIN ticket_tiers c ON c.id = i.tier_id
            JOIN orders o ON o.id = i.order_id JOIN users b ON b.id = o.user_id
        WHERE i.order_id = ANY(:order_ids) AND i.returned_at IS NULL AND c.kind <> 'digital'
    )
    SELECT order_id, email AS address, language, true AS to_buyer, array_agg(id ORDER BY position) AS item_ids
    FROM held GROUP BY order_id, email, language
    UNION ALL
    SELECT h.order_id, h.attendee, COALESCE(u.language, h.language), false, array_agg(h.id ORDER BY h.position)
    FROM held h LEFT JOIN users u ON u.email = h.attendee AND NOT u.is_deleted  -- Uses index: users_email
    WHERE h.kind <> 'product' AND h.attendee <> h.email
        AND EXISTS (SELECT 1 FROM emails m  -- Uses index: emails_to
            WHERE m.to_address = h.attendee AND m.order_id = h.order_id AND m.template = 'e_ticket')
    GROUP BY 1, 2, 3
""")
_ADVANCE = text("""
    UPDATE event_reminders SET last_order_id = :last WHERE event_id = :event_id AND starts_on = :starts_on
""")
_FINISH = text("UPDATE event_reminders SET finished_at = now() WHERE event_id = :event_id AND starts_on = :starts_on")


@dataclass(frozen=True)
class Reminder:
    """The reminders of one event: for the day in its zone, to those who paid before `due_at`."""

    event_id: UUID
    starts_on: date
    due_at: datetime


def first_moment(start: datetime, zone: str) -> datetime:
    """Nine in the morning of the day before `start`, in `zone`."""
    place = ZoneInfo(zone)
    day = start.astimezone(place).date() - timedelta(days=1)
    return datetime.combine(day, FIRST_HOUR, tzinfo=place)


def enqueue_all_due() -> int:
    """Enqueue the reminders that are due, for a while; return how many orders they are about."""
    deadline = time.monotonic() + RUN_SECONDS
    total = 0
    for reminder in _due(clock.now()):
        while time.monotonic() < deadline:
            order_ids = _remind_batch(reminder)
            total += len(order_ids)
            if not order_ids:
                break
    return total


def _due(now: datetime) -> list[Reminder]:
    with transaction() as tx:
        events = tx.execute(_UPCOMING, {"now": now, "until": now + LONGEST_LEAD}).all()
    found = [
        (event.done, Reminder(event.id, _day(event.start_date, event.timezone), first_moment(*event[1:3])))
        for event in events
    ]
    return [reminder for done, reminder in found if reminder.due_at <= now and reminder.starts_on not in done]


def _day(start: datetime, zone: str) -> date:
    return start.astimezone(ZoneInfo(zone)).date()


def _remind_batch(reminder: Reminder) -> Sequence[UUID]:
    """Enqueue the mails about the next paid orders; return these orders, none where all are done."""
    names = {"event_id": reminder.event_id, "starts_on": reminder.starts_on}
    with transaction() as tx:
        tx.execute(_START, names)
        progress = tx.execute(_LOCK, names).first()
        if progress is None:
            return []
        range_ = {"paid_before": reminder.due_at, "last": progress.last_order_id, "most": BATCH_SIZE}
        order_ids = tx.execute(_NEXT_ORDERS, {"event_id": reminder.event_id, **range_}).scalars().all()
        if not order_ids:
            tx.execute(_FINISH, names)
            return []
        mails.enqueue_all(tx, "event_reminder", _mails(tx, reminder, order_ids))
        tx.execute(_ADVANCE, {**names, "last": order_ids[-1]})
    return order_ids


def _mails(tx: Transaction, reminder: Reminder, order_ids: Sequence[UUID]) -> list[MailRequest]:
    return [
        MailRequest(
            dedupe_key=f"event_reminder:{row.order_id}:{reminder.starts_on}:{row.item_ids[0]}:{row.to_buyer}",
            to=row.address,
            language=row.language,
            context={"item_ids": row.item_ids, "to_buyer": row.to_buyer, "starts_on": reminder.starts_on},
            order_id=row.order_id,
        )
        for row in tx.execute(_RECIPIENTS, {"order_ids": list(order_ids)})
    ]
