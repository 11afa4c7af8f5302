"""A pause after a shared service has failed, so that an outage costs one caller its time-out and not each.

While it lasts nobody calls. Then one caller tries, and the others wait for how that ends.
"""

import threading
import time


class AvailabilityPause:
    """What the last calls of this process have taught about a service. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Know nothing, as a new instance."""
        self.has_answered = False
        """Whether a call has succeeded yet: the first ones also open the channel."""
        self._until = 0.0
        self._skipped = 0

    def may_call(self, seconds: float) -> bool:
        """Whether to call now; False counts as a call that was skipped. `seconds` is how long a pause lasts."""
        with self._lock:
            now = time.monotonic()
            if now < self._until:
                self._skipped += 1
                return False
            if self._until:
                self._until = now + seconds
            return True

    def failed(self, seconds: float) -> int:
        """A call has failed: pause. Returns how many calls were skipped or failed since this was last told."""
        with self._lock:
            self._until = time.monotonic() + seconds
            return self._take_skipped() + 1

    def answered(self) -> int:
        """A call has succeeded. Returns how many calls were skipped before, since this was last told."""
        with self._lock:
            self.has_answered, self._until = True, 0.0
            return self._take_skipped()

    def _take_skipped(self) -> int:
        count, self._skipped = self._skipped, 0
        return count
