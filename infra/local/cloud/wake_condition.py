"""A condition by which threads of one process tell each other that there is new work."""

import threading


class WakeCondition:
    """Tells the threads of this process that new work has been committed.

    Read `notifications` first, look for work, and only then `wait(notifications)`: one in between is not lost.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._notifications = 0

    @property
    def notifications(self) -> int:
        """The number of times it was notified."""
        return self._notifications

    def notify_all(self) -> None:
        """Wake all waiting threads."""
        with self._condition:
            self._notifications += 1
            self._condition.notify_all()

    def wait(self, notifications: int, timeout_seconds: float) -> bool:
        """Return once it was notified after `notifications` was read, or False after the time-out."""
        with self._condition:
            return self._condition.wait_for(lambda: self._notifications != notifications, timeout_seconds)
