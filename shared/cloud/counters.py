"""Counters in Firestore that all instances share. A time-to-live policy on `expires_at` deletes them."""

import logging
from collections.abc import Mapping
from datetime import datetime

from shared.cloud import clients
from shared.cloud.circuit_breaker import CircuitBreaker

COLLECTION = "rate_limits"
TIMEOUT_SECONDS = 0.3
FIRST_TIMEOUT_SECONDS = 2.0  # until Firestore has answered once: the channel and its credentials come first
STRICT_TIMEOUT_SECONDS = 5.0
"""The time-out for limits that refuse callers if Firestore does not answer: a late answer is better than none."""
OPEN_SECONDS = 5.0
"""The pause after a failed call, so that an outage delays one request, not every request."""

log = logging.getLogger(__name__)


class CountersUnavailable(Exception):
    """Firestore is slow or down, so the counters are unknown."""


_breakers = {is_strict: CircuitBreaker() for is_strict in (False, True)}


def reset() -> None:
    """Forget failures, as in a new instance."""
    for breaker in _breakers.values():
        breaker.reset()


def add(amounts: Mapping[str, int], *, expires_at: datetime, is_strict: bool = False) -> dict[str, int]:
    """Add to each counter and return the new totals, in one call. An amount of 0 only reads.

    The counters may be deleted after `expires_at` (UTC). Raises CountersUnavailable: quickly, or for a strict limit
    after `STRICT_TIMEOUT_SECONDS`.
    """
    breaker = _breakers[is_strict]
    if not breaker.allows_call(OPEN_SECONDS):
        raise CountersUnavailable("it has just failed")
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.firestore import Increment

    try:
        client = clients.firestore()
        batch = client.batch()
        for name, amount in amounts.items():
            fields = {"count": Increment(amount), "expires_at": expires_at}
            batch.set(client.collection(COLLECTION).document(name), fields, merge=True)
        results = batch.commit(timeout=_timeout(is_strict), retry=None)
    except (GoogleAPICallError, RetryError, GoogleAuthError) as error:
        breaker.record_failure(OPEN_SECONDS)
        log.warning("limits.unavailable", extra={"error": type(error).__name__})
        raise CountersUnavailable(type(error).__name__) from error
    breaker.record_success()
    return {name: result.transform_results[0].integer_value for name, result in zip(amounts, results, strict=True)}


def _timeout(is_strict: bool) -> float:
    if is_strict:
        return STRICT_TIMEOUT_SECONDS
    return TIMEOUT_SECONDS if _breakers[False].has_succeeded else FIRST_TIMEOUT_SECONDS
