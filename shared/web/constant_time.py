"""Answers that take the same time whatever was done for them, so that nobody learns by a watch who has an account.

A known address costs a code, a mail and its message to Pub/Sub, and an unknown one nothing (UM-006). Whatever is
quicker waits for the rest. What takes longer than that, on a bad day, tells a little: so the time is chosen amply.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.cloud.settings import settings


@contextmanager
def pad_to(
    milliseconds: int,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Let the block take no less than this, refused or not. Transactions belong inside: none is open while it waits."""
    begun = clock()
    try:
        yield
    finally:
        left = begun + milliseconds / 1000 - clock()
        if left > 0 and settings().even_pace == "on":
            sleep(left)
