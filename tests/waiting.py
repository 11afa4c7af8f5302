"""Waiting for what happens by itself."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 60.0
"""Long enough for a machine that is busy with much else; only what never comes true takes this long."""


def until(condition: Callable[[], T | None], *, seconds: float = PATIENCE_SECONDS, what: str = "") -> T:
    """Wait until `condition` gives something true, and give it; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain {what}")
        time.sleep(0.02)
