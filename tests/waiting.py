"""Waiting for what happens by itself."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 90.0
"""Longer than Pub/Sub waits before it delivers again what it heard nothing about (70 s, infra/local/provision.py)."""


def until(
    condition: Callable[[], T | None],
    *,
    seconds: float = PATIENCE_SECONDS,
    what: str = "",
    look_every: float | None = None,
) -> T:
    """Wait until `condition` gives something true, and give it; fail after `seconds`.

    It asks less often the longer it waits, unless told how often: what is asked is busy, too.
    """
    began = time.monotonic()
    while True:
        found = condition()
        if found:
            return found
        waited = time.monotonic() - began
        if waited > seconds:
            raise AssertionError(f"waited {seconds} s in vain {what}")
        time.sleep(look_every or min(max(waited / 3, 0.02), 0.3))
