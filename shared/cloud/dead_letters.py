"""Dead letters: messages and tasks that failed to their last attempt and need a decision of an admin (PS-028).

`collect` moves messages from the dead-letter subscriptions to a table; a failed task is written there at once. A replay
is delivered like the original, so consumers must be idempotent, as all of ours are.
"""

import json
import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from sqlalchemy import text

from shared.cloud import audit, clients, outbox, tasks
from shared.cloud.database import Transaction, transaction
from shared.cloud.settings import settings
from shared.field_types import line
from shared.models import Listing, PageQuery, RequestModel, ResponseModel
from shared.problems import NotFound, Problem, TryAgain

log = logging.getLogger(__name__)

_PULL_BATCH_SIZE = 100
_STORE_MESSAGE = text("""
    INSERT INTO dead_letters (kind, source, target, payload, attempts, message_id)
    VALUES ('message', :source, :target, CAST(:payload AS jsonb), :attempts, :message_id)
    ON CONFLICT (message_id) DO NOTHING
""")
_STORE_TASK = text("""
    INSERT INTO dead_letters (kind, source, target, payload, attempts, message_id, error)
    VALUES ('task', :source, :target, CAST(:payload AS jsonb), :attempts, :message_id, :error)
""")
_COLUMNS = """
    id, kind, source, target, payload, attempts, error, created_at, decision, reason, decided_by, decided_at
"""
_LIST = text(f"""
    SELECT {_COLUMNS} FROM dead_letters  -- Uses index: dead_letters_open
    WHERE (decision IS NULL) = :is_open ORDER BY created_at, id LIMIT :page_size OFFSET :offset
""")
_COUNT = text("SELECT count(*) FROM dead_letters WHERE (decision IS NULL) = :is_open")
_ONE = text(f"SELECT {_COLUMNS} FROM dead_letters WHERE id = :id")
_LOCK = text(f"SELECT {_COLUMNS} FROM dead_letters WHERE id = :id FOR UPDATE")
_DECIDE = text("""
    UPDATE dead_letters SET decision = :decision, reason = :reason, decided_by = :by, decided_at = now()
    WHERE id = :id
""")


class DeadLetterQuery(PageQuery):
    """The filter of the list: open dead letters, or decided ones."""

    status: Literal["open", "decided"] = "open"


class Decision(RequestModel):
    """The reason to replay or discard a dead letter."""

    reason: Annotated[str, line(500)]


class DeadLetterResponse(ResponseModel):
    """A message or task that failed to its last attempt. Its payload holds ids only."""

    id: UUID
    kind: Literal["message", "task"]
    source: str
    target: str
    payload: dict[str, Any]
    attempts: int | None
    error: str | None
    created_at: datetime
    decision: Literal["replayed", "discarded"] | None
    reason: str | None
    decided_by: str | None
    decided_at: datetime | None


class DeadLetterAlreadyDecided(Problem):
    """This has been replayed or discarded already."""

    status, slug = 409, "dead-letter-decided"


def collect(topics: Iterable[str]) -> int:
    """Store the messages in the dead-letter subscriptions of `topics`; return how many there were.

    A message is acknowledged once it is stored; after a crash in between it is delivered again.
    """
    return sum(_collect(topic) for topic in topics)


def record_failed_task(
    tx: Transaction, queue: str, function: str, path: str, payload: dict[str, Any], error: Exception
) -> None:
    """Store a task that failed to its last attempt."""
    tx.execute(
        _STORE_TASK,
        {
            "source": queue,
            "target": f"{function} {path}",
            "payload": json.dumps(payload, default=str),
            "attempts": None,
            "message_id": f"task-{uuid4()}",
            "error": f"{type(error).__name__}: {error}"[:500],
        },
    )


def list_page(tx: Transaction, page: DeadLetterQuery) -> Listing[DeadLetterResponse]:
    """Dead letters, oldest first."""
    wanted = {"is_open": page.status == "open"}
    rows = tx.execute(_LIST, {**wanted, "page_size": page.page_size, "offset": page.offset}).mappings()
    return Listing[DeadLetterResponse].of(
        page, [DeadLetterResponse(**row) for row in rows], tx.execute(_COUNT, wanted).scalar_one()
    )


def count_undecided(tx: Transaction) -> int:
    """The number of open dead letters."""
    return int(tx.execute(_COUNT, {"is_open": True}).scalar_one())


def read(tx: Transaction, letter_id: UUID) -> DeadLetterResponse:
    """One dead letter. Raises NotFound."""
    row = tx.execute(_ONE, {"id": letter_id}).mappings().first()
    if row is None:
        raise NotFound
    return DeadLetterResponse(**row)


def replay(tx: Transaction, letter_id: UUID, decision: Decision, *, by: str) -> DeadLetterResponse:
    """Publish a message or enqueue a task again. Raises NotFound, DeadLetterAlreadyDecided, TryAgain.

    A task is enqueued before the commit: where Cloud Tasks is away, its letter stays open. After a crash in between it
    runs, and may be replayed once more.
    """
    letter = _lock_open(tx, letter_id)
    decided = _decide(tx, letter, "replayed", decision, by)
    if letter.kind == "message":
        outbox.add(tx, letter.source, letter.payload)
    else:
        _enqueue(letter)
    return decided


def discard(tx: Transaction, letter_id: UUID, decision: Decision, *, by: str) -> DeadLetterResponse:
    """Discard a dead letter. Raises NotFound, DeadLetterAlreadyDecided."""
    return _decide(tx, _lock_open(tx, letter_id), "discarded", decision, by)


def _collect(topic: str) -> int:
    from google.api_core.exceptions import DeadlineExceeded

    subscriber = clients.subscriber()
    name = f"projects/{settings().google_cloud_project}/subscriptions/{topic}.dead"
    taken = 0
    while True:
        try:
            received = subscriber.pull(
                subscription=name, max_messages=_PULL_BATCH_SIZE, return_immediately=True, timeout=10
            ).received_messages
        except DeadlineExceeded:  # an empty subscription
            return taken
        if not received:
            return taken
        with transaction() as tx:
            for each in received:
                _store_message(tx, topic, each.message)
        subscriber.acknowledge(subscription=name, ack_ids=[each.ack_id for each in received], timeout=10)
        log.error("dead_letters.taken_in", extra={"topic": topic, "count": len(received)})
        taken += len(received)


def _store_message(tx: Transaction, topic: str, message: Any) -> None:
    attributes = dict(message.attributes)
    attempts = attributes.get("CloudPubSubDeadLetterSourceDeliveryCount", "")
    tx.execute(
        _STORE_MESSAGE,
        {
            "source": topic,
            "target": attributes.get("CloudPubSubDeadLetterSourceSubscription", "unknown"),
            "payload": _as_json_object(message.data),
            "attempts": int(attempts) if attempts.isdigit() else None,
            "message_id": message.message_id,
        },
    )


def _as_json_object(data: bytes) -> str:
    """The payload as a JSON object; anything else is wrapped in one."""
    try:
        if isinstance(json.loads(data), dict):
            return data.decode()
    except ValueError:
        pass
    return json.dumps({"unreadable": data.decode(errors="replace").replace("\0", "")})


def _lock_open(tx: Transaction, letter_id: UUID) -> DeadLetterResponse:
    row = tx.execute(_LOCK, {"id": letter_id}).mappings().first()
    if row is None:
        raise NotFound
    if row["decision"]:
        raise DeadLetterAlreadyDecided
    return DeadLetterResponse(**row)


def _enqueue(letter: DeadLetterResponse) -> None:
    function, _, path = letter.target.partition(" ")
    try:
        tasks.enqueue(letter.source, function, path, letter.payload)
    except tasks.NotEnqueued as unreachable:
        log.warning("dead_letters.not_enqueued", extra={"queue": letter.source})
        raise TryAgain from unreachable


def _decide(tx: Transaction, letter: DeadLetterResponse, decision: str, why: Decision, by: str) -> DeadLetterResponse:
    tx.execute(_DECIDE, {"id": letter.id, "decision": decision, "reason": why.reason, "by": by})
    audit.record(tx, f"dead_letter.{decision}", subject="dead_letter", subject_id=letter.id, by=by, reason=why.reason)
    return read(tx, letter.id)
