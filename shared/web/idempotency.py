"""`Idempotency-Key`: the same key with the same body gives the same response and no second effect (PS-027).

The key is inserted as "in progress" before the work and read only on conflict; the response is kept afterwards.
Each is one statement, shared by concurrent requests. A process that dies in between leaves the key locked until
`LOCKED_SECONDS` have passed; the next request then runs the operation again, and the operations themselves are safe
to repeat.
"""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy import text

from shared.cloud.database import Transaction, autocommit
from shared.cloud.request_batching import RequestBatcher
from shared.problems import IdempotencyMismatch, Invalid, Problem

LOCKED_SECONDS = 60  # longer than any of our functions may run

# Keys are locked in their order, so that two batches never wait for each other.
_BEGIN = text("""
    INSERT INTO idempotency_keys (caller, key, request_hash, locked_until)
    SELECT caller, key, request_hash, now() + make_interval(secs => :locked_seconds)
    FROM unnest(CAST(:callers AS uuid[]), CAST(:keys AS text[]), CAST(:request_hashes AS text[]))
        AS asked (caller, key, request_hash)
    ORDER BY caller, key
    ON CONFLICT (caller, key) DO UPDATE SET locked_until = excluded.locked_until
        WHERE idempotency_keys.status IS NULL AND idempotency_keys.locked_until < now()
          AND idempotency_keys.request_hash = excluded.request_hash
    RETURNING caller, key
""")
_READ = text("""
    SELECT request_hash, status, content_type, body FROM idempotency_keys
    WHERE caller = :caller AND key = :key
""")
_STORE = text("""
    UPDATE idempotency_keys AS k SET status = kept.status, content_type = kept.content_type, body = kept.body,
        locked_until = NULL
    FROM unnest(CAST(:callers AS uuid[]), CAST(:keys AS text[]), CAST(:statuses AS integer[]),
        CAST(:content_types AS text[]), CAST(:bodies AS text[])) AS kept (caller, key, status, content_type, body)
    WHERE k.caller = kept.caller AND k.key = kept.key
""")
_DELETE_RESPONSES = text("DELETE FROM idempotency_keys WHERE caller = :caller")
_RELEASE = text("DELETE FROM idempotency_keys WHERE caller = :caller AND key = :key AND status IS NULL")


@dataclass(frozen=True)
class _Key:
    """The caller and the idempotency key."""

    caller: UUID
    key: str


class IdempotencyInProgress(Problem):
    """The first request with this Idempotency-Key is still running. Ask again in a moment."""

    status, slug = 409, "idempotency-in-progress"


def run_once(caller: UUID, key: str, fingerprint: bytes, act: Callable[[], Response]) -> Response:
    """Run `act` unless `caller` has already had a response under `key`, which is then given again.

    `fingerprint` is what makes two requests the same: method, path and body. Answers of 500 and
    above, and 429, are not kept: they may be tried again.
    """
    if not 1 <= len(key) <= 255 or not key.isprintable() or not key.isascii():
        raise Invalid.field("Idempotency-Key", "must be 1 to 255 printable ASCII characters")
    name, request_hash = _Key(caller, key), hashlib.sha256(fingerprint).hexdigest()
    if _begin((name, request_hash)):
        return _run(name, act)
    return _first_response(name, request_hash)


def _begin_batch(requested: Sequence[tuple[_Key, str]]) -> list[bool]:
    """The owner of a key: of two requests with the same one, the first."""
    first: dict[_Key, int] = {}
    for index, (name, _) in enumerate(requested):
        first.setdefault(name, index)
    hashes = [requested[index][1] for index in first.values()]
    with autocommit() as tx:
        begun = tx.execute(
            _BEGIN, {**_columns(list(first)), "request_hashes": hashes, "locked_seconds": LOCKED_SECONDS}
        ).all()
    taken = {first[_Key(*row)] for row in begun}
    return [index in taken for index in range(len(requested))]


def _store_batch(responses: Sequence[tuple[_Key, Response]]) -> list[None]:
    kept = {
        "statuses": [response.status_code for _, response in responses],
        "content_types": [response.content_type for _, response in responses],
        "bodies": [response.get_data(as_text=True) for _, response in responses],
    }
    with autocommit() as tx:
        tx.execute(_STORE, {**_columns([name for name, _ in responses]), **kept})
    return [None] * len(responses)


_begin = RequestBatcher(_begin_batch)
_store = RequestBatcher(_store_batch)


def _columns(names: Sequence[_Key]) -> dict[str, Any]:
    return {"callers": [name.caller for name in names], "keys": [name.key for name in names]}


def _first_response(name: _Key, request_hash: str) -> Response:
    """The response to the first request with the key. Raises IdempotencyMismatch, IdempotencyInProgress."""
    with autocommit() as tx:
        earlier = tx.execute(_READ, vars(name)).first()
    if earlier is None:  # forgotten by its owner just now
        raise IdempotencyInProgress(retry_after_seconds=1)
    if earlier.request_hash != request_hash:
        raise IdempotencyMismatch
    if earlier.status is None:
        raise IdempotencyInProgress(retry_after_seconds=1)
    return Response(earlier.body, status=earlier.status, content_type=earlier.content_type)


def _run(name: _Key, act: Callable[[], Response]) -> Response:
    with ExitStack() as unless_kept:
        unless_kept.callback(_release, name)
        response = act()
        if _is_final(response):
            unless_kept.pop_all()
            _store((name, response))
    return response


def _is_final(response: Response) -> bool:
    """True if a response is kept for repeated requests: not an error of ours, nor one that says when to try again."""
    return response.status_code < 500 and response.status_code != 429 and "Retry-After" not in response.headers


def _release(name: _Key) -> None:
    with autocommit() as tx:
        tx.execute(_RELEASE, vars(name))


def delete_responses(tx: Transaction, user_id: UUID) -> None:
    """Delete the responses that are kept for a person's requests (UM-009)."""
    tx.execute(_DELETE_RESPONSES, {"caller": user_id})
