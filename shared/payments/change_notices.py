"""Notices to ticket holders of what has changed of their event: batch after batch, each in a transaction.

After a crash it continues where it stopped: the mails of a batch and how far the notices have come commit together.
Cloud Tasks drives it, and reconcile finds notices that have stopped.
"""

import time
from uuid import UUID

from shared.catalog import event_changes
from shared.cloud.database import transaction
from shared.messages import mails

BATCH_SECONDS = 20
"""The time that one task works before it hands over to the next: well below any time-out on the way."""


def enqueue_batch(change_id: UUID) -> bool:
    """Enqueue notices of a change for a while; return whether all are done. Enqueues another task if not."""
    deadline = time.monotonic() + BATCH_SECONDS
    with transaction() as tx:
        event_changes.start(tx, change_id)
    while time.monotonic() < deadline:
        with transaction() as tx:
            batch = event_changes.next_batch(tx, change_id)
            if batch is None:
                return True
            for order_id in batch.order_ids:
                mails.enqueue_event_changed(tx, order_id, change_id, batch.tier_ids)
    event_changes.schedule_notices(change_id)
    return False
