"""A token bucket: how many dispatches a queue may make now."""

import time


class TokenBucket:
    """`per_second` tokens flow in, up to `burst` (at least one); it starts full."""

    def __init__(self, per_second: float, burst: int) -> None:
        self.per_second = per_second
        self.burst = max(1, burst)
        self._tokens = float(self.burst)
        self._counted_at = time.monotonic()

    def available(self) -> int:
        """The whole tokens in the bucket."""
        now = time.monotonic()
        self._tokens = min(self.burst, self._tokens + (now - self._counted_at) * self.per_second)
        self._counted_at = now
        return int(self._tokens)

    def take(self) -> None:
        """Use one token."""
        self._tokens -= 1

    def wait_seconds(self) -> float:
        """The time until there is a whole token; 0 if there is one."""
        return 0.0 if self.available() else (1 - self._tokens) / self.per_second
