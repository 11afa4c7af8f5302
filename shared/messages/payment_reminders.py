"""Payment reminders: buyers who have started to pay and have not paid get one 15 minutes before the hold ends (NS-004).

Such a hold lasts 30 minutes from its first moment (TS-008), by settings longer or shorter. No reminder follows the
bill within five minutes, or within a third of the hold where that is less. Each end of a hold is reminded of once: an
order that gets more time is reminded of its new end.
"""

import time
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import transaction
from shared.messages import mails

LEAD_SECONDS = 900
"""The time from the reminder to the end of the hold."""
QUIET_SECONDS = 300
"""The least time from the bill to the reminder."""
BATCH_SIZE = 100
RUN_SECONDS = 40
"""The time that one run works; the next goes on, a minute later."""

_DUE = text("""
    SELECT due.* FROM (
        SELECT o.id, o.reservation_expires_at AS ends_at,
            CONCAT('payment_reminder:', o.id, ':', CAST(extract(epoch FROM o.reservation_expires_at) AS bigint))
                AS dedupe_key
        FROM orders o  -- Uses index: orders_due
        WHERE o.status = 'pending_payment' AND (o.review_reason IS NULL OR o.review_reason = 'top_up')
            AND o.reservation_expires_at > now()
            AND o.reservation_expires_at <= now() + make_interval(secs => :lead)
            AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.order_id = o.id AND p.created_at > now()
                - LEAST(make_interval(secs => :quiet), (o.reservation_expires_at - o.created_at) / 3))
    ) due
    WHERE NOT EXISTS (SELECT 1 FROM emails m WHERE m.once_key = due.dedupe_key)  -- Uses index: emails_once
        AND (CAST(:last_end AS timestamptz) IS NULL
            OR (due.ends_at, due.id) > (CAST(:last_end AS timestamptz), CAST(:last_id AS uuid)))
    ORDER BY due.ends_at, due.id LIMIT :most
""")


def enqueue_all_due() -> int:
    """Enqueue the reminders that are due, in transactions of `BATCH_SIZE`; return how many orders they are about."""
    deadline = time.monotonic() + RUN_SECONDS
    total, last = 0, None
    while time.monotonic() < deadline:
        orders = _remind_batch(last)
        total += len(orders)
        if len(orders) < BATCH_SIZE:
            break
        last = orders[-1]
    return total


def _remind_batch(last: tuple[datetime, UUID] | None) -> list[tuple[datetime, UUID]]:
    """Remind the next orders behind `last`: the end of the hold, and the id, of each."""
    behind = dict(zip(("last_end", "last_id"), last or (None, None), strict=True))
    limits = {"lead": LEAD_SECONDS, "quiet": QUIET_SECONDS, "most": BATCH_SIZE}
    with transaction() as tx:
        due = tx.execute(_DUE, {**limits, **behind}).all()
        for order in due:
            mails.enqueue_about_order(tx, "payment_reminder", order.id, dedupe_key=order.dedupe_key)
    return [(order.ends_at, order.id) for order in due]
