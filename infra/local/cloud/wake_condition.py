"""How threads of one process tell each other that there is new work."""

import threading


class WakeCondition:
    """Tells the threads of this process that new work has been committed.

    Read `rings` first, look for work, and only then `wait(rings)`: a ring in between is not lost.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rings = 0

    @property
    def rings(self) -> int:
        """How often it has rung."""
        return self._rings

    def ring(self) -> None:
        """Wake all who wait."""
        with self._condition:
            self._rings += 1
            self._condition.notify_all()

    def wait(self, rings: int, timeout_seconds: float) -> None:
        """Return once it has rung since `rings` was read, or after the time-out."""
        with self._condition:
            self._condition.wait_for(lambda: self._rings != rings, timeout_seconds)
