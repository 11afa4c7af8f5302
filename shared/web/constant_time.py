"""Constant-time responses, whose duration does not reveal whether an address has an account.

For a known address a code is made and mailed, for an unknown one nothing (UM-006). Both responses are delayed to the
same duration, which is ample: a response that took even longer would still reveal a little.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.cloud.settings import settings

REGISTRATION_MS, CODE_MS = 800, 300
"""Several times what each takes for an address that has an account; a registration costs a round of bcrypt."""


@contextmanager
def pad_to(
    milliseconds: int,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Make the block take at least this long, also where it raises. Transactions belong inside the block."""
    begun = clock()
    try:
        yield
    finally:
        left = begun + milliseconds / 1000 - clock()
        if left > 0 and settings().constant_time == "on":
            sleep(left)
