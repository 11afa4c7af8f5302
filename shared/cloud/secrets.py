"""Secrets, fetched from Secret Manager and kept in memory for five minutes so that a rotation needs no deploy."""

import time
from collections.abc import Mapping

from shared.cloud import clients
from shared.cloud.settings import settings

KEPT_SECONDS = 300

_kept: dict[str, tuple[float, str]] = {}


def secret(name: str) -> str:
    """The latest version of the secret `name`, for example `midtrans-server-key`.

    Raises google.api_core's NotFound or PermissionDenied where it isn't there for this function.
    """
    kept = _kept.get(name)
    if kept and kept[0] > time.monotonic():
        return kept[1]
    path = f"projects/{settings().google_cloud_project}/secrets/{name}/versions/latest"
    value = clients.secret_manager().access_secret_version(name=path).payload.data.decode()
    _kept[name] = (time.monotonic() + KEPT_SECONDS, value)
    return value


def provide(values: Mapping[str, str]) -> None:
    """Use these values for the rest of the process instead of asking Secret Manager (tools and tests)."""
    _kept.update({name: (float("inf"), value) for name, value in values.items()})
