"""The subscribers' backlog: publishing fans messages out to subscriptions, pulling hands them over.

A message stands once in `deliveries` for each subscription (its queue) with the serialized PubsubMessage
as body, whether it will be pushed or pulled, so a subscription can be switched from one to the other.
"""

import itertools
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from google.pubsub_v1 import types
from sqlalchemy import Column, Connection, Index, Integer, LargeBinary, Table, Text, text

from infra.local.cloud import deliveries, policies
from infra.local.cloud.policies import Attempt, AttemptResult, Delivery
from infra.local.cloud.store import metadata

POLICY = "pubsub"
DELETED_TOPIC = "_deleted-topic_"

topics = Table(
    "pubsub_topics",
    metadata,
    Column("name", Text, primary_key=True),
    Column("definition", LargeBinary, nullable=False),
)

subscriptions = Table(
    "pubsub_subscriptions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("filter", Text, nullable=False),
    Column("ack_deadline_seconds", Integer, nullable=False),
    Column("retention_seconds", Integer, nullable=False),
    Column("definition", LargeBinary, nullable=False),
    Index("pubsub_subscriptions_of_topic", "topic"),
)

SUBSCRIBERS = text("""
SELECT s.name, s.ack_deadline_seconds, s.retention_seconds
FROM pubsub_topics t LEFT JOIN pubsub_subscriptions s ON s.topic = t.name WHERE t.name = :topic""")

FAN_OUT = text("""
INSERT INTO queued_deliveries (queue, policy, body, timeout_seconds, created_at, expires_at)
SELECT queue, :policy, body, timeout_seconds, published_at, published_at + make_interval(secs => retention_seconds)
FROM CAST(:published_at AS timestamptz) AS published_at, unnest(
  CAST(:queues AS text[]), CAST(:bodies AS bytea[]), CAST(:timeouts AS int[]), CAST(:retentions AS int[])
) AS copy (queue, body, timeout_seconds, retention_seconds)""")

PULL = text(f"""
WITH next AS (
  SELECT id FROM queued_deliveries
  WHERE queue = :subscription AND state = 'waiting' AND due_at <= now()
    AND (leased_until IS NULL OR leased_until <= now()) AND expires_at > now()
  ORDER BY due_at, id LIMIT :max_messages FOR UPDATE SKIP LOCKED
)
UPDATE queued_deliveries d SET attempt = d.attempt + 1, last_attempt_at = now(),
  first_attempt_at = coalesce(d.first_attempt_at, now()),
  leased_until = now() + make_interval(secs => :ack_deadline_seconds)
FROM next, delivery_queues l WHERE d.id = next.id AND l.name = d.queue
RETURNING {deliveries.COLUMNS}""")

HELD = text(f"""
SELECT {deliveries.COLUMNS} FROM queued_deliveries d JOIN delivery_queues l ON l.name = d.queue
JOIN unnest(CAST(:ids AS bigint[]), CAST(:attempts AS int[])) AS held (id, attempt)
  ON d.id = held.id AND d.attempt = held.attempt
WHERE d.queue = :subscription AND d.state = 'waiting' FOR UPDATE OF d""")

ACKNOWLEDGE = text("""
DELETE FROM queued_deliveries d USING unnest(CAST(:ids AS bigint[]), CAST(:attempts AS int[])) AS held (id, attempt)
WHERE d.id = held.id AND d.attempt = held.attempt AND d.queue = :subscription AND d.state = 'waiting'""")

EXTEND = text("""
UPDATE queued_deliveries d SET leased_until = now() + make_interval(secs => :seconds)
FROM unnest(CAST(:ids AS bigint[]), CAST(:attempts AS int[])) AS held (id, attempt)
WHERE d.id = held.id AND d.attempt = held.attempt AND d.queue = :subscription AND d.state = 'waiting'""")


class UnknownTopic(LookupError):
    """There is no such topic."""


class BadAckId(ValueError):
    """The acknowledgement id was not given out here."""


Message = types.PubsubMessage.pb()
Received = types.ReceivedMessage.pb()

_message_ids = itertools.count(time.time_ns())


def publish(tx: Connection, topic: str, messages: Iterable[Any]) -> list[str]:
    """Give each raw PubsubMessage its id and time and put it before every subscription.

    Returns the ids. Raises UnknownTopic.
    """
    subscribers = tx.execute(SUBSCRIBERS, {"topic": topic}).all()
    if not subscribers:
        raise UnknownTopic(topic)
    published_at = datetime.now(UTC)
    stamped = [_stamp(message, published_at) for message in messages]
    copies = [
        (each.name, message.SerializeToString(), each.ack_deadline_seconds, each.retention_seconds)
        for each in subscribers
        if each.name is not None
        for message in stamped
    ]
    if copies:
        columns = dict(
            zip(("queues", "bodies", "timeouts", "retentions"), map(list, zip(*copies, strict=True)), strict=True)
        )
        tx.execute(FAN_OUT, {"policy": POLICY, "published_at": published_at, **columns})
    return [message.message_id for message in stamped]


def _stamp(message: Any, published_at: datetime) -> Any:
    message.message_id = str(next(_message_ids))
    message.publish_time.FromDatetime(published_at)
    return message


def pull(tx: Connection, subscription: str, max_messages: int, ack_deadline_seconds: float) -> list[Any]:
    """Lease up to `max_messages` messages to the caller, oldest first, as raw ReceivedMessages.

    A message that was handed out often enough and never acknowledged goes to the dead-letter topic instead.
    """
    values = {"subscription": subscription, "max_messages": max_messages, "ack_deadline_seconds": ack_deadline_seconds}
    claimed = [Delivery.of(row) for row in tx.execute(PULL, values)]
    spent = [each for each in claimed if each.attempt > (each.settings["max_attempts"] or each.attempt)]
    late = AttemptResult(error="not acknowledged in time")
    deliveries.record_attempts(tx, [Attempt(each, late, policies.Dead()) for each in spent])
    return [_received(each) for each in sorted(claimed, key=lambda each: each.id) if each not in spent]


def _received(delivery: Delivery) -> Any:
    received = Received(ack_id=f"{delivery.id}-{delivery.attempt}")
    received.message.ParseFromString(delivery.body or b"")
    if delivery.settings["max_attempts"]:
        received.delivery_attempt = delivery.attempt
    return received


def acknowledge(tx: Connection, subscription: str, ack_ids: Sequence[str]) -> None:
    """Remove what these leases stand for; one that has run out and was given anew is left. Raises BadAckId."""
    tx.execute(ACKNOWLEDGE, {"subscription": subscription, **_leases(ack_ids)})


def extend(tx: Connection, subscription: str, ack_ids: Sequence[str], seconds: int) -> None:
    """Let the leases end `seconds` from now; with 0 they were refused and the retry policy decides. Raises BadAckId."""
    leases = {"subscription": subscription, **_leases(ack_ids)}
    if seconds > 0:
        tx.execute(EXTEND, {**leases, "seconds": seconds})
        return
    refused = AttemptResult(error="not acknowledged")
    held = [Delivery.of(row) for row in tx.execute(HELD, leases)]
    rules = policies.policy(POLICY)
    deliveries.record_attempts(tx, [Attempt(each, refused, rules.verdict(each, refused)) for each in held])


def _leases(ack_ids: Sequence[str]) -> dict[str, list[int]]:
    try:
        pairs = [(int(delivery), int(attempt)) for delivery, attempt in (each.split("-") for each in ack_ids)]
    except ValueError:
        raise BadAckId(f"{list(ack_ids)} are not acknowledgement ids") from None
    return {"ids": [pair[0] for pair in pairs], "attempts": [pair[1] for pair in pairs]}
