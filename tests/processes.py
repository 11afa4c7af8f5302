"""Tests that start processes of the product bear the mark `processes`, by the fixtures that start them.

`make test-fast` leaves them out.
"""

from collections.abc import Callable
from typing import TypeVar

import pytest

MARK = "processes"
Fixture = TypeVar("Fixture", bound=Callable[..., object])

_starting: set[object] = set()
_unmarked: list[str] = []


def starts_processes(fixture: Fixture) -> Fixture:
    """Mark every test that uses this fixture, directly or through others. Stands below `@pytest.fixture`."""
    _starting.add(fixture)
    return fixture


def mark(item: pytest.Item) -> None:
    """Mark a test where a fixture of its own says so."""
    found = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009 - pytest has no public way to the functions
    if any(definition.func in _starting for definitions in found.values() for definition in definitions):
        item.add_marker(MARK)


def begin(item: pytest.Item) -> None:
    """Note whether the test that begins may start processes."""
    _unmarked[:] = [] if item.get_closest_marker(MARK) else [item.nodeid]


def check() -> None:
    """Called by whatever starts a process of the product. Raises AssertionError in a test without the mark."""
    assert not _unmarked, f"{_unmarked[0]} starts processes: put @starts_processes on its fixture, or mark the test"
