"""A circuit breaker: after a failure of a shared service no calls are made for a while.

So an outage costs one caller its time-out, not every caller. When the time is over, one caller tries (half-open), and
the others are skipped until its outcome is known.
"""

import threading
import time


class CircuitBreaker:
    """The state of a service as seen by this process. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Close the circuit and forget everything, as in a new instance."""
        self.has_succeeded = False
        """True if any call has succeeded: the first ones also open the channel and need more time."""
        self._until = 0.0
        self._skipped = 0

    def allows_call(self, seconds: float) -> bool:
        """True if a call may be made now; False counts as skipped. `seconds` is how long the circuit stays open."""
        with self._lock:
            now = time.monotonic()
            if now < self._until:
                self._skipped += 1
                return False
            if self._until:
                self._until = now + seconds
            return True

    def record_failure(self, seconds: float) -> int:
        """Open the circuit after a failed call. Returns the calls skipped or failed since the last report."""
        with self._lock:
            self._until = time.monotonic() + seconds
            return self._take_skipped() + 1

    def record_success(self) -> int:
        """Close the circuit after a successful call. Returns the calls skipped since the last report."""
        with self._lock:
            self.has_succeeded, self._until = True, 0.0
            return self._take_skipped()

    def _take_skipped(self) -> int:
        count, self._skipped = self._skipped, 0
        return count
