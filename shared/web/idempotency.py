"""`Idempotency-Key`: the same key with the same body gives the same answer and no second effect (PS-027).

The key is inserted as "in progress" before the work and read only on conflict, so that the usual case
costs one statement. The answer is kept afterwards. A process that dies in between leaves the key
locked until `LOCKED_SECONDS` have passed; whoever comes then runs the operation again, and the
operations themselves are safe to repeat.
"""

import hashlib
from collections.abc import Callable
from uuid import UUID

from flask import Response
from sqlalchemy import text

from shared.cloud.database import autocommit
from shared.problems import Invalid, Problem

LOCKED_SECONDS = 60  # longer than any of our functions may run

_BEGIN = text("""
    INSERT INTO idempotency_keys (caller, key, request_hash, locked_until)
    VALUES (:caller, :key, :request_hash, now() + make_interval(secs => :locked_seconds))
    ON CONFLICT (caller, key) DO UPDATE SET locked_until = excluded.locked_until
        WHERE idempotency_keys.status IS NULL AND idempotency_keys.locked_until < now()
          AND idempotency_keys.request_hash = excluded.request_hash
    RETURNING key
""")
_READ = text("""
    SELECT request_hash, status, content_type, body FROM idempotency_keys
    WHERE caller = :caller AND key = :key
""")
_KEEP = text("""
    UPDATE idempotency_keys SET status = :status, content_type = :content_type, body = :body, locked_until = NULL
    WHERE caller = :caller AND key = :key
""")
_FORGET = text("DELETE FROM idempotency_keys WHERE caller = :caller AND key = :key AND status IS NULL")


class IdempotencyMismatch(Problem):
    """This Idempotency-Key was used with another request. Choose a new key for a new request."""

    status, slug = 422, "idempotency-mismatch"


class IdempotencyInProgress(Problem):
    """The first request with this Idempotency-Key is still running. Ask again in a moment."""

    status, slug = 409, "idempotency-in-progress"


def once(caller: UUID, key: str, fingerprint: bytes, act: Callable[[], Response]) -> Response:
    """Run `act` unless `caller` has already had an answer under `key`, which is then given again.

    `fingerprint` is what makes two requests the same: method, path and body. Answers of 500 and
    above, and 429, are not kept: they may be tried again.
    """
    if not 1 <= len(key) <= 255 or not key.isprintable() or not key.isascii():
        raise Invalid.field("Idempotency-Key", "must be 1 to 255 printable ASCII characters")
    names = {"caller": caller, "key": key}
    request_hash = hashlib.sha256(fingerprint).hexdigest()
    with autocommit() as tx:
        begun = tx.execute(_BEGIN, {**names, "request_hash": request_hash, "locked_seconds": LOCKED_SECONDS}).first()
        earlier = None if begun else tx.execute(_READ, names).first()
    if earlier:
        if earlier.request_hash != request_hash:
            raise IdempotencyMismatch
        if earlier.status is None:
            raise IdempotencyInProgress(retry_after_seconds=1)
        return Response(earlier.body, status=earlier.status, content_type=earlier.content_type)
    if not begun:
        raise IdempotencyInProgress(retry_after_seconds=1)  # forgotten by its owner between the two statements
    return _run(names, act)


def _run(names: dict[str, object], act: Callable[[], Response]) -> Response:
    try:
        answer = act()
    except BaseException:
        _forget(names)
        raise
    if answer.status_code >= 500 or answer.status_code == 429:
        _forget(names)
    else:
        kept = {"status": answer.status_code, "content_type": answer.content_type}
        with autocommit() as tx:
            tx.execute(_KEEP, {**names, **kept, "body": answer.get_data(as_text=True)})
    return answer


def _forget(names: dict[str, object]) -> None:
    with autocommit() as tx:
        tx.execute(_FORGET, names)
