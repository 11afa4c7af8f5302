"""The durable queue of HTTP requests to be made.

A delivery stands in a queue (a Cloud Tasks queue, a Pub/Sub subscription, "webhooks") and names the
policy that judges its answers. `dispatcher.Dispatcher` makes the requests; any process that knows the
store may `enqueue`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    DateTime,
    Engine,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from infra.local.cloud import policies
from infra.local.cloud.policies import Attempt, Caller, Dead, Done, Retry
from infra.local.cloud.store import metadata

queues = Table(
    "delivery_queues",
    metadata,
    Column("name", Text, primary_key=True),
    Column("paused", Boolean, nullable=False),
    Column("pulled", Boolean, nullable=False),
    Column("max_concurrent", Integer, nullable=False),
    Column("max_per_second", Float),
    Column("max_burst", Integer),
    Column("settings", JSONB, nullable=False),
)

deliveries = Table(
    "queued_deliveries",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("queue", Text, ForeignKey(queues.c.name, ondelete="CASCADE"), nullable=False),
    Column("name", Text),
    Column("policy", Text, nullable=False),
    Column("url", Text),
    Column("method", Text, nullable=False, server_default="POST"),
    Column("headers", JSONB, nullable=False, server_default="{}"),
    Column("body", LargeBinary),
    Column("timeout_seconds", Float, nullable=False, server_default="30"),
    Column("identity", JSONB),
    Column("options", JSONB, nullable=False, server_default="{}"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("due_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True)),
    Column("leased_until", DateTime(timezone=True)),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("responses", Integer, nullable=False, server_default="0"),
    Column("first_attempt_at", DateTime(timezone=True)),
    Column("last_attempt_at", DateTime(timezone=True)),
    Column("last_response_at", DateTime(timezone=True)),
    Column("last_status", Integer),
    Column("last_error", Text),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("finished_at", DateTime(timezone=True)),
    Index("deliveries_waiting_in_queue", "queue", "due_at", "id", postgresql_where=text("state = 'waiting'")),
    Index("deliveries_due", "due_at", postgresql_where=text("state = 'waiting'")),
    Index("deliveries_named", "queue", "name", unique=True, postgresql_where=text("name IS NOT NULL")),
    Index("deliveries_finished", "finished_at", postgresql_where=text("state <> 'waiting'")),
)
"""`state` is waiting, done, dead or deleted. A finished row that has a name keeps the name taken for an hour."""

COLUMNS = """d.id, d.queue, d.name, d.policy, d.url, d.method, d.headers, d.body, d.timeout_seconds, d.identity,
 d.options, d.created_at, d.due_at, d.attempt, d.responses, d.first_attempt_at, d.last_status, l.settings"""
"""Columns of `deliveries d` and `delivery_queues l` that make a `Delivery`."""


class UnknownQueue(LookupError):
    """The queue has not been opened."""


class DuplicateName(ValueError):
    """A delivery of that name waits in the queue, or was there less than an hour ago."""


def open_queue(
    tx: Connection,
    name: str,
    *,
    paused: bool = False,
    pulled: bool = False,
    max_concurrent: int = 8,
    max_per_second: float | None = None,
    max_burst: int | None = None,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Open the queue, or change it to these values. Nobody pushes what stands in a `pulled` queue."""
    values = {
        "name": name,
        "paused": paused,
        "pulled": pulled,
        "max_concurrent": max_concurrent,
        "max_per_second": max_per_second,
        "max_burst": max_burst,
        "settings": dict(settings or {}),
    }
    statement = insert(queues).values(values)
    tx.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))


def close_queue(tx: Connection, name: str) -> None:
    """Remove the queue with all that stands in it."""
    tx.execute(queues.delete().where(queues.c.name == name))


ENQUEUE = text("""
INSERT INTO queued_deliveries
  (queue, name, policy, url, method, headers, body, timeout_seconds, identity, options, due_at)
SELECT l.name, :name, :policy, :url, :method, CAST(:headers AS jsonb), CAST(:body AS bytea), :timeout_seconds,
  CAST(:identity AS jsonb), CAST(:options AS jsonb),
  greatest(now(), coalesce(CAST(:due_at AS timestamptz), now()))
FROM delivery_queues l WHERE l.name = :queue
ON CONFLICT (queue, name) WHERE name IS NOT NULL DO UPDATE SET
  policy = excluded.policy, url = excluded.url, method = excluded.method, headers = excluded.headers,
  body = excluded.body, timeout_seconds = excluded.timeout_seconds, identity = excluded.identity,
  options = excluded.options, due_at = excluded.due_at, created_at = now(), leased_until = NULL, attempt = 0,
  responses = 0, first_attempt_at = NULL, last_attempt_at = NULL, last_response_at = NULL, last_status = NULL,
  last_error = NULL, state = 'waiting', finished_at = NULL
WHERE queued_deliveries.finished_at < now() - interval '1 hour'
RETURNING id""")


def enqueue(
    store: Engine | Connection,
    *,
    queue: str,
    policy: str,
    url: str,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    due_at: datetime | None = None,
    timeout_seconds: float = 30.0,
    caller: Caller | None = None,
    name: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> int:
    """Add a delivery and return its id; it is due at once unless `due_at` (aware) is later.

    Given a Connection it is part of the caller's transaction; given the Engine it is committed here.
    A dispatcher in the same process learns of it at once through its `WakeCondition`, one elsewhere within 0.2
    seconds. `options` is for the policy. Raises UnknownQueue, and DuplicateName for a `name` the queue
    holds or held within the hour.
    """
    values = {
        "queue": queue,
        "name": name,
        "policy": policy,
        "url": url,
        "method": method,
        "headers": json.dumps(dict(headers or {})),
        "body": body,
        "timeout_seconds": timeout_seconds,
        "identity": json.dumps(asdict(caller)) if caller else None,
        "options": json.dumps(dict(options or {})),
        "due_at": due_at,
    }
    if isinstance(store, Engine):
        with store.begin() as tx:
            return _insert(tx, values)
    return _insert(store, values)


def _insert(tx: Connection, values: Mapping[str, Any]) -> int:
    added = tx.execute(ENQUEUE, values).scalar()
    if added is not None:
        return int(added)
    if tx.execute(queues.select().where(queues.c.name == values["queue"])).first():
        raise DuplicateName(values["name"])
    raise UnknownQueue(values["queue"])


FINISH = text("""
UPDATE queued_deliveries SET state = :state, finished_at = now(), leased_until = NULL, last_status = :status,
  last_error = :error, last_response_at = CASE WHEN CAST(:status AS int) IS NULL THEN last_response_at ELSE now() END,
  responses = responses + CASE WHEN CAST(:status AS int) IS NULL THEN 0 ELSE 1 END
WHERE id = :id AND attempt = :attempt AND state = 'waiting'""")

POSTPONE = text("""
UPDATE queued_deliveries SET due_at = now() + make_interval(secs => :after_seconds), leased_until = NULL,
  last_status = :status, last_error = :error,
  last_response_at = CASE WHEN CAST(:status AS int) IS NULL THEN last_response_at ELSE now() END,
  responses = responses + CASE WHEN CAST(:status AS int) IS NULL THEN 0 ELSE 1 END
WHERE id = :id AND attempt = :attempt AND state = 'waiting'""")

FORGET = text("""
DELETE FROM queued_deliveries d USING unnest(CAST(:ids AS bigint[]), CAST(:attempts AS int[])) AS done (id, attempt)
WHERE d.id = done.id AND d.attempt = done.attempt AND d.state = 'waiting'""")


def record_attempts(tx: Connection, attempts: Sequence[Attempt]) -> None:
    """Record what became of these attempts; nothing for one whose row was removed or claimed anew meanwhile."""
    forgotten = [each.delivery for each in attempts if _is_forgotten(each)]
    if forgotten:
        keys = {"ids": [each.id for each in forgotten], "attempts": [each.attempt for each in forgotten]}
        tx.execute(FORGET, keys)
    for each in attempts:
        if not _is_forgotten(each):
            _record(tx, each)


def _is_forgotten(attempt: Attempt) -> bool:
    return isinstance(attempt.verdict, Done) and not policies.policy(attempt.delivery.policy).keeps_finished


def _record(tx: Connection, attempt: Attempt) -> None:
    delivery, outcome = attempt.delivery, attempt.outcome
    row = {"id": delivery.id, "attempt": delivery.attempt, "status": outcome.status, "error": outcome.error}
    match attempt.verdict:
        case Done():
            tx.execute(FINISH, {**row, "state": "done"})
        case Retry(after_seconds):
            tx.execute(POSTPONE, {**row, "after_seconds": after_seconds})
        case Dead():
            if tx.execute(FINISH, {**row, "state": "dead"}).rowcount:
                policies.policy(delivery.policy).dead_letter(tx, delivery)
