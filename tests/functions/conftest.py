"""One running product for these tests, reached as buyers, organizers, gates and gateways reach it: by HTTP."""

from collections.abc import Iterator

import pytest

from tests.people import World
from tests.stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product, started as `make run` does."""
    running = Stack(tmp_path_factory.mktemp("product"), RATE_LIMITS="off")
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def world(stack: Stack) -> World:
    """People with accounts, and what they do."""
    return World(stack.url)
