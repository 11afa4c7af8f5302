"""A sliding window: the requests of the last minute, from two counts: the minute that runs and the one before.

The last 60 seconds cover all of the running minute and a part of the one before, of which we assume
that its requests came evenly. So nobody gets twice the limit by coming around the turn of a minute.
"""

import math
from dataclasses import dataclass

SECONDS = 60
_ROUNDING = 1e-9
"""The most that a sum of fractions may differ from its exact value."""


@dataclass(frozen=True)
class WindowUse:
    """Requests of the running minute and of the one before, seen `elapsed` seconds into the running one."""

    current: int
    previous: int
    elapsed: float

    @property
    def requests(self) -> float:
        """The number of requests in the last 60 seconds."""
        return self.current + self.previous * (1 - self.elapsed / SECONDS)

    def wait_seconds(self, limit: int) -> int:
        """The seconds until one more request is within `limit` a minute; 0 where it is now."""
        if self.requests + 1 <= limit + _ROUNDING:
            return 0
        spare = limit - 1 - self.current
        if spare >= 0:  # enough of the previous minute will have left the window before the running one ends
            return whole(SECONDS * (1 - spare / self.previous) - self.elapsed)
        return whole(SECONDS - self.elapsed + SECONDS * (1 - (limit - 1) / self.current))

    def left(self, limit: int) -> int:
        """The number of requests left of `limit` a minute."""
        return max(0, math.floor(limit - self.requests + _ROUNDING))


def whole(seconds: float) -> int:
    """Seconds rounded up, so that waiting them is enough."""
    return max(1, math.ceil(seconds))
