"""Counters that all instances share, in Firestore. They forget: a time-to-live policy on `expires_at` removes them."""

import logging
from collections.abc import Mapping
from datetime import datetime

from shared.cloud import clients
from shared.cloud.availability_pause import AvailabilityPause

COLLECTION = "rate_limits"
TIMEOUT_SECONDS = 0.3
FIRST_TIMEOUT_SECONDS = 2.0  # until Firestore has answered once: the channel and its credentials come first
STRICT_TIMEOUT_SECONDS = 5.0
"""How long those wait who are refused without an answer: better late than not at all."""
PAUSE_SECONDS = 5.0
"""How long nobody asks again after a call has failed, so that an outage costs one request its wait and not each."""

log = logging.getLogger(__name__)


class CountersUnavailable(Exception):
    """Firestore is slow or down; nothing is known about the counters."""


_pauses = {is_strict: AvailabilityPause() for is_strict in (False, True)}


def forget_failures() -> None:
    """Ask again at once, as a new instance does."""
    for pause in _pauses.values():
        pause.reset()


def add(amounts: Mapping[str, int], *, expires_at: datetime, is_strict: bool = False) -> dict[str, int]:
    """Add to each counter and give the new totals, in one call. An amount of 0 only reads.

    `expires_at` (UTC) is when they may be forgotten. Raises CountersUnavailable: soon, or for a strict limit
    after `STRICT_TIMEOUT_SECONDS`.
    """
    pause = _pauses[is_strict]
    if not pause.may_call(PAUSE_SECONDS):
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
        pause.failed(PAUSE_SECONDS)
        log.warning("limits.unavailable", extra={"error": type(error).__name__})
        raise CountersUnavailable(type(error).__name__) from error
    pause.answered()
    return {name: result.transform_results[0].integer_value for name, result in zip(amounts, results, strict=True)}


def _timeout(is_strict: bool) -> float:
    if is_strict:
        return STRICT_TIMEOUT_SECONDS
    return TIMEOUT_SECONDS if _pauses[False].has_answered else FIRST_TIMEOUT_SECONDS
