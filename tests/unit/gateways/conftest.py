"""What the gateway tests share: a server that answers as told, and a client in a hurry."""

from collections.abc import Iterator

import pytest

from shared.gateways.http import Patience
from tests.unit.gateways.scripted_server import ScriptedServer, scripted_server


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A gateway that says what the test tells it to say."""
    with scripted_server() as script:
        yield script


@pytest.fixture
def impatient() -> Patience:
    """Time-outs and waits short enough for a test."""
    return Patience(
        connect_seconds=0.5,
        read_seconds=0.5,
        total_seconds=5.0,
        first_wait_seconds=0.01,
        longest_wait_seconds=0.05,
        open_seconds=0.3,
    )
