"""Waiting for what happens by itself, and measuring when it did."""

import itertools
from collections.abc import Sequence

from tests.conformance.receiver import Received


def gaps(requests: Sequence[Received]) -> list[float]:
    """The seconds between each request and the next."""
    return [later.at - earlier.at for earlier, later in itertools.pairwise(requests)]
