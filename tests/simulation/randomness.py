"""Randomness under the seed: identifiers, tokens and nonces of the product are the same whenever a seed is run."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

_source = random.Random(0)


def reseed(seed: int) -> None:
    """Let everything that the product draws from now on follow from `seed`."""
    _source.seed(seed)
    random.seed(seed ^ 0x5EED)


@contextmanager
def installed() -> Iterator[None]:
    """Let `uuid`, `secrets` and `random` of this process draw from the seed."""
    with (
        mock.patch.object(os, "urandom", _source.randbytes),
        mock.patch.object(random, "_urandom", _source.randbytes),
    ):
        yield
