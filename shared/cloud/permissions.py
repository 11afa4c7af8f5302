"""The permissions of the running function, as functions/manifest.yaml grants them.

In the cloud each function has an identity of its own, and IAM refuses what the manifest does not grant it. Where all
functions share a process, on a laptop and in the tests, this refuses it: what an entry forgets is seen before it
is deployed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


class PermissionMissing(Exception):
    """The manifest does not let this function use that. Add it to the function's entry."""


@dataclass(frozen=True)
class Permissions:
    """The things of the cloud that one function may use, by name: `secrets/jwt-signing-key`, `cache/shared`."""

    function: str
    things: frozenset[str]


_running: ContextVar[Permissions | None] = ContextVar("grants", default=None)


@contextmanager
def only(grants: Permissions) -> Iterator[None]:
    """Run the block as the function of these grants."""
    token = _running.set(grants)
    try:
        yield
    finally:
        _running.reset(token)


def check(kind: str, name: str) -> None:
    """Refuse what is not granted, where functions share a process; alone, IAM does. Raises PermissionMissing."""
    grants = _running.get()
    if grants is not None and f"{kind}/{name}" not in grants.things:
        raise PermissionMissing(f"{grants.function}: {kind}/{name}")
