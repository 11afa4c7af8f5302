"""Shared by the gateway tests: a scripted server, and a client with short time-outs."""

from collections.abc import Iterator

import pytest

from shared.gateways.http import Timeouts
from tests.unit.gateways.scripted_server import HANG, ScriptedServer, scripted_server


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A gateway that says what the test tells it to say."""
    with scripted_server() as script:
        yield script


@pytest.fixture
def impatient(request: pytest.FixtureRequest) -> Timeouts:
    """Waits short enough for a test; a time-out too, where a gateway hangs. Else a machine may be busy."""
    callspec = getattr(request.node, "callspec", None)
    hangs = callspec is not None and HANG in callspec.params.values()
    return Timeouts(
        connect_seconds=30,
        read_seconds=0.5 if hangs else 30,
        total_seconds=60,
        first_wait_seconds=0.01,
        longest_wait_seconds=0.05,
        open_seconds=30,
    )
