"""Waiting for what happens by itself, and measuring when it did."""

import itertools
from collections.abc import Sequence

from tests.conformance.receiver import Received


def gaps(requests: Sequence[Received]) -> list[float]:
    """The seconds between each request and the next."""
    return [later.at - earlier.at for earlier, later in itertools.pairwise(requests)]


def assert_apart(requests: Sequence[Received], *least: float) -> None:
    """Each came so many seconds after the one before, or later: a machine may be busy, but nobody comes too early."""
    found = gaps(requests)
    assert all(gap >= seconds for gap, seconds in zip(found, least, strict=True)), found
