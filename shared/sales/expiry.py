"""Expiry of reservations: one named task for each bucket of five seconds ends everything that is due.

One task per reservation would be a queue as hot as the sale. Instead the first instance that needs a bucket
creates its task after committing. The task's name is the same on all instances, so Cloud Tasks keeps one of
them. Orders whose task is lost are ended by the sweep every minute.
"""

import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from shared.cloud import tasks
from shared.cloud.database import Transaction, after_commit, transaction
from shared.problems import refused_by_schema
from shared.sales import orders

BUCKET_SECONDS = 5
BATCH_SIZE = 200
RETRY_AFTER_SECONDS = 5
_MAX_REMEMBERED = 4096

log = logging.getLogger(__name__)

_scheduled: dict[int, float] = {}
"""The time at which the task of a bucket may be created again, by bucket."""
_lock = threading.Lock()


def schedule_expiry_after_commit(tx: Transaction, expires_at: datetime) -> None:
    """Schedule the end of what expires at `expires_at`, at most `BUCKET_SECONDS` later, once `tx` has committed."""
    after_commit(tx, lambda: schedule_expiry(expires_at))


def schedule_expiry(expires_at: datetime) -> None:
    """Create the expiry task of the bucket of `expires_at`, unless this instance has done so."""
    bucket = int(expires_at.timestamp()) // BUCKET_SECONDS + 1
    with _lock:
        if _scheduled.get(bucket, 0) > time.monotonic():
            return
        if len(_scheduled) >= _MAX_REMEMBERED:
            _scheduled.clear()
        _scheduled[bucket] = float("inf")
    due_at = datetime.fromtimestamp(bucket * BUCKET_SECONDS, UTC) + timedelta(milliseconds=100)
    try:
        tasks.enqueue("expire", "expire", "/tasks/expire", {}, name=f"expire-{bucket}", due_at=due_at)
    except tasks.NotEnqueued as error:
        _scheduled[bucket] = time.monotonic() + RETRY_AFTER_SECONDS  # an outage of the queue delays one buyer, not all
        log.warning("expiry.task_failed", extra={"bucket": bucket, "error": str(error)})


def expire_all_due() -> int:
    """End every overdue reservation, in transactions of `BATCH_SIZE`; return how many.

    An order that a constraint of the database keeps from ending keeps no other: it is raised once the others are done.
    """
    total = 0
    refused: dict[UUID, DBAPIError] = {}
    while True:
        before = len(refused)
        ended = _expire_batch(refused)
        total += ended
        if ended + len(refused) - before < BATCH_SIZE:
            break
    for error in refused.values():
        raise error
    return total


def _expire_batch(refused: dict[UUID, DBAPIError]) -> int:
    try:
        with transaction() as tx:
            return orders.expire_due(tx, but=refused, limit=BATCH_SIZE)
    except DBAPIError as error:
        if not refused_by_schema(error):
            raise
        log.warning("expiry.batch_refused", extra={"error": str(error.orig)})
    with transaction() as tx:
        due = orders.find_due(tx, but=refused, limit=BATCH_SIZE)
    return sum(_expire_one(order_id, refused) for order_id in due)


def _expire_one(order_id: UUID, refused: dict[UUID, DBAPIError]) -> int:
    try:
        with transaction() as tx:
            return orders.expire_due(tx, order_ids=[order_id])
    except DBAPIError as error:
        if not refused_by_schema(error):
            raise
        log.error("expiry.order_refused", extra={"order_id": str(order_id)}, exc_info=error)
        refused[order_id] = error
        return 0
