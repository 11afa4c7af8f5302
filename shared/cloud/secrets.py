"""Secrets from Secret Manager, cached for five minutes, so that a rotation needs no deployment.

While Secret Manager does not answer, a process goes on using its cached value for hours, so that an outage there stops
no sale. A secret that was deleted, or is refused, is no longer used from then on.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.cloud import clients, permissions
from shared.cloud.settings import settings

CACHE_SECONDS = 300
STALE_SECONDS = 12 * 3600
"""The time for which a value is used after Secret Manager's last answer."""
RETRY_SECONDS = 30
"""The pause before Secret Manager is called again after it did not answer."""
REFRESH_TIMEOUT_SECONDS = 3.0
"""The time-out of a call while there is a cached value."""
LATEST = "latest"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Version:
    """A version of a secret: its number at Secret Manager, and its value."""

    number: str
    value: str


@dataclass(frozen=True)
class _Entry:
    """A cached version: when to refresh it, and until when it may be used without an answer (monotonic seconds)."""

    version: Version
    refresh_at: float
    expires_at: float


_cache: dict[tuple[str, str], _Entry] = {}


def secret(name: str) -> str:
    """The latest value of the secret `name`, for example `midtrans-server-key`.

    Raises google.api_core's NotFound or PermissionDenied where it isn't there for this function.
    """
    return version(name).value


def version(name: str, number: str = LATEST) -> Version:
    """One version of a secret, the newest by default. Raises as `secret` does."""
    permissions.check("secrets", name)
    kept = _cache.get((name, number))
    now = time.monotonic()
    if kept and now < kept.refresh_at:
        return kept.version
    if kept and now < kept.expires_at:
        return _refreshed(name, number, kept)
    return _store(name, number, _fetch(name, number))


def _refreshed(name: str, number: str, kept: _Entry) -> Version:
    from google.api_core.exceptions import RetryError, ServerError, TooManyRequests
    from google.auth.exceptions import TransportError

    try:
        return _store(name, number, _fetch(name, number, timeout=REFRESH_TIMEOUT_SECONDS, retry=None))
    except (ServerError, TooManyRequests, RetryError, TransportError) as error:
        log.warning("secrets.unavailable", extra={"secret": name, "error": type(error).__name__})
        _cache[name, number] = replace(kept, refresh_at=time.monotonic() + RETRY_SECONDS)
        return kept.version


def _fetch(name: str, number: str, **options: Any) -> Version:
    path = f"projects/{settings().google_cloud_project}/secrets/{name}/versions/{number}"
    response = clients.secret_manager().access_secret_version(name=path, **options)
    return Version(response.name.rpartition("/")[2], response.payload.data.decode())


def _store(name: str, number: str, found: Version) -> Version:
    now = time.monotonic()
    _cache[name, number] = _Entry(found, now + CACHE_SECONDS, now + STALE_SECONDS)
    return found


def provide(values: Mapping[str, str], number: str = "1") -> None:
    """Use these values for the rest of the process instead of asking Secret Manager (tools and tests)."""
    for name, value in values.items():
        for known_as in (LATEST, number):
            _cache[name, known_as] = _Entry(Version(number, value), float("inf"), float("inf"))
