"""One running product for these tests, reached as buyers, organizers, gates and gateways reach it: by HTTP."""

from collections.abc import Iterator

import pytest

from tests.folders import a_folder
from tests.people import World
from tests.processes import starts_processes
from tests.stack import Stack


@pytest.fixture(scope="package")
@starts_processes
def stack() -> Iterator[Stack]:
    """The product, started as `make run` does."""
    with a_folder() as folder:
        running = Stack(folder, RATE_LIMITS="off")
        try:
            yield running.start()
        finally:
            running.stop()


@pytest.fixture(scope="package")
def world(stack: Stack) -> World:
    """People with accounts, and what they do."""
    return World(stack)
