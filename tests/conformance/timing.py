"""Waiting for what happens by itself, and measuring when it did."""

import itertools
import time
from collections.abc import Callable, Sequence

from tests.conformance.receiver import Received


def eventually(condition: Callable[[], object], *, within_seconds: float = 10.0) -> None:
    """Return once `condition` holds; fail when it does not in time."""
    deadline = time.monotonic() + within_seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.02)


def gaps(requests: Sequence[Received]) -> list[float]:
    """The seconds between each request and the next."""
    return [later.at - earlier.at for earlier, later in itertools.pairwise(requests)]
