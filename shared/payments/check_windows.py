"""Check windows: a scheduled check begins where the last one has ended, so that missed runs leave no gap."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.database import Transaction, transaction

LONGEST_GAP = timedelta(days=92)
"""The age from which nothing is looked for any more."""
SPAN = timedelta(days=1)
"""A gap is checked in spans of at least a day, each recorded, so that a run that is cut off is gone on with."""

# What was recorded of no gateway counts for all of them.
_LAST = text("""
    SELECT CAST(details ->> 'until' AS timestamptz) AS until,
        CAST(COALESCE(details ->> 'through', details ->> 'until') AS timestamptz) AS through
    FROM audit_log  -- Uses index: audit_log_action
    WHERE action = :action AND COALESCE(details ->> 'gateway', CAST(:gateway AS text), '') = COALESCE(:gateway, '')
    ORDER BY at DESC LIMIT 1
""")
_FIRST_PAYMENT = text("SELECT min(created_at) FROM payments")


def spans(action: str, *, until: datetime, window: timedelta) -> Iterator[tuple[datetime, datetime]]:
    """The spans to check, the oldest first: the last `window`, and before it what no run has seen.

    They overlap with the last run by half a window, for what comes late. Record each by `record_checked`.
    """
    with transaction() as tx:
        since = start(tx, action, until=until, window=window)
    while since < until:
        end = min(since + max(window, SPAN), until)
        yield since, end
        since = end


def start(tx: Transaction, action: str, *, until: datetime, window: timedelta, gateway: str | None = None) -> datetime:
    """The beginning of a check that ends at `until`: the first one ever begins with the first payment.

    Where the last run was cut off before the moment that it was to get `through` to, this one goes on with it.
    """
    last = tx.execute(_LAST, {"action": action, "gateway": gateway}).first()
    since: datetime
    if last and last.until < last.through:
        since = last.until
    else:
        unseen = last.until - window / 2 if last else tx.execute(_FIRST_PAYMENT).scalar() or until
        since = min(until - window, unseen)
    return max(since, until - LONGEST_GAP)


def record_checked(tx: Transaction, action: str, *, since: datetime, until: datetime, found: int, **more: Any) -> None:
    """Record that a span was checked, and how much was found in it.

    `more` may name the gateway, and the moment that the run is to get `through` to.
    """
    audit.record(tx, action, subject="ledger", subject_id=None, since=since, until=until, differences=found, **more)
