"""What all instances share for a while: JSON documents with a time to live, in Firestore (collection `live`).

A cache and nothing else. Firestore may be slow, down or empty: then every document is missing, and
whoever asks reads the database instead. After a failed call nobody in this instance asks again for
`REST_SECONDS`, so that an outage costs one short time-out and not one per request.

The document is one string, `json`, which needs no index; `expires_at` is the field of the TTL policy.
Firestore deletes what is over within a day or so, so the time is checked here at every reading.
"""

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from pybreaker import CircuitBreaker, CircuitBreakerError

from shared.cloud import clients, clock

COLLECTION = "live"
TIMEOUT_SECONDS = 0.3
REST_SECONDS = 5.0
LARGEST_BYTES = 900_000
"""Firestore takes documents of 1 MiB at most, the rest is their name and their times."""

T = TypeVar("T")

log = logging.getLogger(__name__)

circuit = CircuitBreaker(fail_max=1, reset_timeout=REST_SECONDS, throw_new_error_on_trip=False, name="live")
"""Open while Firestore is left alone."""


def get(*keys: str) -> list[Any]:
    """The documents under `keys`, in their order and in one call; None for each that is missing or over."""
    found = _ask("get", lambda: _read(keys)) or {}
    now = clock.now()
    return [json.loads(found[key]["json"]) if key in found and found[key]["expires_at"] > now else None for key in keys]


def put(key: str, document: Any, *, seconds: float) -> None:
    """Keep `document` under `key` for `seconds`. Nothing is kept of what is too large, or while Firestore is away."""
    content = json.dumps(document, separators=(",", ":"))
    if len(content.encode()) > LARGEST_BYTES:
        return
    values = {"json": content, "expires_at": clock.now() + timedelta(seconds=seconds)}
    _ask("put", lambda: _reference(key).set(values, retry=None, timeout=TIMEOUT_SECONDS))


def _read(keys: tuple[str, ...]) -> dict[str, Any]:
    references = [_reference(key) for key in keys]
    snapshots = clients.firestore().get_all(references, retry=None, timeout=TIMEOUT_SECONDS)
    return {each.id: each.to_dict() for each in snapshots if each.exists}


def _reference(key: str) -> Any:
    return clients.firestore().collection(COLLECTION).document(key)


def _ask(what: str, call: Callable[[], T]) -> T | None:
    """What Firestore answers; None where it fails, or is left alone because it has just failed."""
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    try:
        with circuit.calling():
            return call()
    except CircuitBreakerError:
        return None
    except (GoogleAPIError, GoogleAuthError) as error:
        log.warning("live.unavailable", extra={"operation": what, "error": type(error).__name__})
        return None
