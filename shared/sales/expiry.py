"""Ending reservations on time: a named task for each few seconds, whose run ends everything that is due.

One task per reservation would be a queue as hot as the sale. Instead whoever first needs a bucket of
five seconds creates its task after committing, and remembers it: the name is the same for all
instances, so Cloud Tasks keeps one. A lost task leaves its orders to the sweep every five minutes.
"""

import logging
import threading
import time
from datetime import UTC, datetime, timedelta

from shared.cloud import tasks
from shared.cloud.database import Transaction, after_commit, transaction
from shared.sales import orders

BUCKET_SECONDS = 5
BATCH = 200
AGAIN_AFTER_SECONDS = 5
_REMEMBERED = 4096

log = logging.getLogger(__name__)

_asked: dict[int, float] = {}
"""Bucket to when it may be asked for again."""
_asking = threading.Lock()


def expire_order(tx: Transaction, expires_at: datetime) -> None:
    """Have what expires then ended at most `BUCKET_SECONDS` later, once `tx` has committed."""
    after_commit(tx, lambda: schedule_expiry(expires_at))


def schedule_expiry(expires_at: datetime) -> None:
    """Create the task of the bucket in which `expires_at` lies, unless this instance has done so."""
    bucket = int(expires_at.timestamp()) // BUCKET_SECONDS + 1
    with _asking:
        if _asked.get(bucket, 0) > time.monotonic():
            return
        if len(_asked) >= _REMEMBERED:
            _asked.clear()
        _asked[bucket] = float("inf")
    due_at = datetime.fromtimestamp(bucket * BUCKET_SECONDS, UTC) + timedelta(milliseconds=100)
    try:
        tasks.enqueue("expire", "expire", "/tasks/expire", {}, name=f"expire-{bucket}", due_at=due_at)
    except tasks.NotEnqueued as error:
        _asked[bucket] = time.monotonic() + AGAIN_AFTER_SECONDS  # one buyer waits for a silent queue, not all
        log.warning("expiry.task_failed", extra={"bucket": bucket, "error": str(error)})


def expire_all_due() -> int:
    """End every reservation whose time is over, in transactions of `BATCH`; return how many."""
    total = 0
    while True:
        with transaction() as tx:
            ended = orders.expire_due(tx, most=BATCH)
        total += ended
        if ended < BATCH:
            return total
