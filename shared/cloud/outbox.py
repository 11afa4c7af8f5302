"""The transactional outbox: a row in the transaction, publishing after its commit, and a sweep behind both.

A message is written in the same transaction as the fact it reports and published once that has committed. Where the
process dies in between, `sweep` publishes it later. Consumers may therefore receive a message twice and are idempotent.

A claim is a lease: whoever publishes holds no row locked during a network call, and another process takes over a minute
after a crash. The process that adds a message claims it with the same statement.
"""

import json
import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from shared.cloud import pubsub
from shared.cloud.database import (
    DATABASE_AWAY,
    Transaction,
    after_commit,
    autocommit,
    pending_work,
    transaction,
)
from shared.cloud.logs import outgoing_context

log = logging.getLogger(__name__)

_ADD = text("""
    INSERT INTO outbox (topic, payload, attributes, claimed_until)
    SELECT :topic, payload, CAST(:attributes AS jsonb), now() + interval '60 seconds'
    FROM jsonb_array_elements(CAST(:payloads AS jsonb)) AS payload
    RETURNING id, topic, payload, attributes
""")
_CLAIM_WAITING = text("""
    UPDATE outbox SET claimed_until = now() + interval '60 seconds'
    WHERE id IN (
        SELECT id FROM outbox  -- Uses index: outbox_unpublished
        WHERE published_at IS NULL AND created_at < now() - make_interval(secs => :older_than_seconds)
          AND (claimed_until IS NULL OR claimed_until < now())
        ORDER BY id LIMIT 200 FOR UPDATE SKIP LOCKED)
    RETURNING id, topic, payload, attributes
""")
_PUBLISHED = text("UPDATE outbox SET published_at = now() WHERE id = ANY(:ids)")
_OLDEST = text("""
    SELECT COALESCE(EXTRACT(epoch FROM now() - created_at), 0)
    FROM outbox  -- Uses index: outbox_unpublished
    WHERE published_at IS NULL ORDER BY id LIMIT 1
""")


def add(tx: Transaction, topic: str, payload: dict[str, Any]) -> None:
    """Publish `payload` (ids and versions only, no personal data) to `topic` once `tx` has committed."""
    add_all(tx, topic, [payload])


def add_all(tx: Transaction, topic: str, payloads: Sequence[dict[str, Any]]) -> None:
    """Publish all of these, as `add` does each. Not in a savepoint, whose roll-back could not unsay them."""
    if tx.in_nested_transaction():
        raise RuntimeError("a message is added in a savepoint")
    values = {
        "topic": topic,
        "payloads": json.dumps(payloads, default=_plain),
        "attributes": json.dumps(outgoing_context()),
    }
    rows = tx.execute(_ADD, values).all()
    added = pending_work(tx).messages
    if rows and not added:
        after_commit(tx, lambda: _publish(added))
    added.extend(rows)


def sweep(older_than_seconds: int = 10) -> int:
    """Publish the messages that a crash or an outage left behind; return how many there were."""
    total = 0
    while True:
        with transaction() as tx:
            rows = tx.execute(_CLAIM_WAITING, {"older_than_seconds": older_than_seconds}).all()
        if not rows:
            return total
        total += _publish(rows)
        if len(rows) < 200:
            return total


def oldest_seconds(tx: Transaction) -> float:
    """The age of the oldest unpublished message in seconds; 0 where there is none."""
    return float(tx.execute(_OLDEST).scalar() or 0)


def _publish(rows: Sequence[Row[Any]]) -> int:
    messages = [(row.topic, row.payload, row.attributes) for row in rows]
    outcomes = pubsub.publish(messages)
    done = [row.id for row, error in zip(rows, outcomes, strict=True) if error is None]
    failed = [error for error in outcomes if error is not None]
    if failed:
        log.error("outbox.publish_failed", extra={"count": len(failed), "error": repr(failed[0])})
    if done:
        _record_published(done)
    return len(done)


def _record_published(ids: Sequence[int]) -> None:
    """Record that these are published. Where the database is away just now, the sweep publishes them once more.

    What the messages report is committed: its caller must not hear that it failed.
    """
    try:
        with autocommit() as tx:
            tx.execute(_PUBLISHED, {"ids": ids})
    except DATABASE_AWAY as error:
        log.warning("outbox.not_recorded", extra={"count": len(ids), "error": type(error).__name__})


def _plain(value: Any) -> str:
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} does not belong in a message")
