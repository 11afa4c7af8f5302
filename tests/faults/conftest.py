"""One product for these tests, killed and started again by each; after each it must keep every promise."""

from collections.abc import Iterator

import pytest

from tests import invariants
from tests.folders import a_folder
from tests.people import Person, World
from tests.processes import starts_processes
from tests.stack import Stack


@pytest.fixture(scope="package")
@starts_processes
def product() -> Iterator[Stack]:
    """The product, started as `make run` does; with one worker, so that no process is colder than another."""
    with a_folder() as folder:
        running = Stack(folder, RATE_LIMITS="off", WEB_WORKERS="1")
        try:
            yield running.start()
        finally:
            running.stop()


@pytest.fixture
def stack(product: Stack) -> Iterator[Stack]:
    """The product of these tests; when the test is over, its promises hold."""
    yield product
    invariants.all_kept(product)


@pytest.fixture(scope="package")
def world(product: Stack) -> World:
    """People with accounts, and what they do."""
    return World(product)


@pytest.fixture(scope="package")
def organizer(world: World) -> Person:
    """Somebody who puts events on sale."""
    return world.somebody("organizer")
