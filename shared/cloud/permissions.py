"""The permissions of the running function, as functions/manifest.yaml grants them.

In the cloud each function has an identity of its own, and IAM refuses what the manifest does not grant. Where all
functions share a process, on a laptop and in tests, this module refuses it, so that a missing grant shows before
deployment.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


class PermissionMissing(Exception):
    """The manifest does not let this function use that. Add it to the function's entry."""


@dataclass(frozen=True)
class Permissions:
    """The resources of the cloud that one function may use, by name: `secrets/jwt-signing-key`, `cache/shared`."""

    function: str
    resources: frozenset[str]


_running: ContextVar[Permissions | None] = ContextVar("permissions", default=None)


@contextmanager
def run_as(permissions: Permissions) -> Iterator[None]:
    """Run a block with the permissions of a function."""
    token = _running.set(permissions)
    try:
        yield
    finally:
        _running.reset(token)


def running() -> str | None:
    """The function that is running, where functions share a process."""
    permissions = _running.get()
    return permissions.function if permissions else None


def database_role(function: str) -> str:
    """The database role of a function, with the rights of schemas/database_roles.json (infra/deploy/privileges.py)."""
    return f"karcis_{function}"


def check(kind: str, name: str) -> None:
    """Raise PermissionMissing for a resource that is not granted, where functions share a process."""
    permissions = _running.get()
    if permissions is not None and f"{kind}/{name}" not in permissions.resources:
        raise PermissionMissing(f"{permissions.function}: {kind}/{name}")
