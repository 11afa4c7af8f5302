"""Secrets from Secret Manager, cached for five minutes, so that a rotation needs no deployment."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from shared.cloud import clients, permissions
from shared.cloud.settings import settings

CACHE_SECONDS = 300
LATEST = "latest"


@dataclass(frozen=True)
class Version:
    """A version of a secret: its number at Secret Manager, and its value."""

    number: str
    value: str


_cache: dict[tuple[str, str], tuple[float, Version]] = {}


def secret(name: str) -> str:
    """The latest value of the secret `name`, for example `midtrans-server-key`.

    Raises google.api_core's NotFound or PermissionDenied where it isn't there for this function.
    """
    return version(name).value


def version(name: str, number: str = LATEST) -> Version:
    """One version of a secret, the newest by default. Raises as `secret` does."""
    permissions.check("secrets", name)
    kept = _cache.get((name, number))
    if kept and kept[0] > time.monotonic():
        return kept[1]
    path = f"projects/{settings().google_cloud_project}/secrets/{name}/versions/{number}"
    response = clients.secret_manager().access_secret_version(name=path)
    found = Version(response.name.rpartition("/")[2], response.payload.data.decode())
    _cache[name, number] = (time.monotonic() + CACHE_SECONDS, found)
    return found


def provide(values: Mapping[str, str], number: str = "1") -> None:
    """Use these values for the rest of the process instead of asking Secret Manager (tools and tests)."""
    for name, value in values.items():
        for known_as in (LATEST, number):
            _cache[name, known_as] = (float("inf"), Version(number, value))
