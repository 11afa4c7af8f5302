"""Deletion of stored objects: a row in the transaction, the deletion after its commit, and a sweep behind both.

A concurrent upload may finish after our deletion. So the sweep deletes once more an hour later and only then removes
the row: no crash and no race leaves an object behind for good (DP-002).
"""

import logging
from collections.abc import Sequence

from sqlalchemy import text

from shared.cloud import storage
from shared.cloud.database import Transaction, after_commit, transaction

RECHECK_AFTER_SECONDS = 3600
"""Longer than any function of ours runs."""
MAX_IMMEDIATE = 20
"""The number of prefixes that are deleted while the caller waits; the sweep deletes the rest within five minutes."""
SWEEP_BATCH_SIZE = 200

log = logging.getLogger(__name__)

_ADD = text("""
    INSERT INTO stale_objects (bucket, prefix, due_at)
    SELECT :bucket, unnest(CAST(:prefixes AS text[])), now() + make_interval(secs => :after)
""")
# A claim is a lease, as in the outbox: no row stays locked during a network call.
_CLAIM = text("""
    UPDATE stale_objects SET due_at = now() + interval '10 minutes'
    WHERE id IN (
        SELECT id FROM stale_objects  -- Uses index: stale_objects_due
        WHERE due_at <= now() ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING id, bucket, prefix
""")
_DONE = text("DELETE FROM stale_objects WHERE id = ANY(:ids) AND created_at < now() - make_interval(secs => :again)")
_RECHECK = text("UPDATE stale_objects SET due_at = created_at + make_interval(secs => :again) WHERE id = ANY(:ids)")


def delete_after_commit(tx: Transaction, bucket: str, prefixes: Sequence[str]) -> None:
    """Delete all objects whose names begin with one of `prefixes` (8 characters at least) once `tx` has committed."""
    if not prefixes:
        return
    schedule_deletion(tx, bucket, prefixes)
    after_commit(tx, lambda: _delete_now(bucket, prefixes[:MAX_IMMEDIATE]))


def schedule_deletion(tx: Transaction, bucket: str, prefixes: Sequence[str], *, after_seconds: int = 0) -> None:
    """Delete files within some minutes of `after_seconds`, for functions that may not delete files themselves."""
    if prefixes:
        tx.execute(_ADD, {"bucket": bucket, "prefixes": list(prefixes), "after": after_seconds})


def sweep() -> int:
    """Delete all objects that are due; return how many rows were done. Failed deletions stay due."""
    with transaction() as tx:
        rows = tx.execute(_CLAIM, {"most": SWEEP_BATCH_SIZE}).all()
    done = [row.id for row in rows if _delete(row.bucket, row.prefix)]
    if done:
        names = {"ids": done, "again": RECHECK_AFTER_SECONDS}
        with transaction() as tx:
            tx.execute(_DONE, names)
            tx.execute(_RECHECK, names)
    return len(done)


def _delete_now(bucket: str, prefixes: Sequence[str]) -> None:
    for prefix in prefixes:
        if not _delete(bucket, prefix):
            return  # the storage is away; the sweep will find it


def _delete(bucket: str, prefix: str) -> bool:
    try:
        storage.delete_all(bucket, prefix)
    except storage.StorageUnavailable as error:
        log.warning("object_deletion.postponed", extra={"bucket": bucket, "error": str(error)})
        return False
    return True
