"""Doing something about a thing that changes often, now and then instead of each time."""

import logging
import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

log = logging.getLogger(__name__)


class Coalescer(Generic[Key]):
    """Calls `act(key)` in a thread of its own: at once, but not again for the same key within `seconds`.

    Every ask is followed by an act that begins after it. Nobody who asks waits, and nobody hears of an
    error of `act`, which is logged. The thread lives only while there is something to do; an instance
    of Cloud Run that has no request has no processor either, so what is left then is done with the next.
    """

    def __init__(self, act: Callable[[Key], None], *, seconds: float) -> None:
        self._act = act
        self._seconds = seconds
        self._changed = threading.Condition()
        self._due: dict[Key, float] = {}
        self._rests_until: dict[Key, float] = {}
        self._is_working = False

    def ask(self, key: Key) -> None:
        """Have `act(key)` called soon."""
        with self._changed:
            self._due.setdefault(key, self._rests_until.get(key, 0.0))
            if self._is_working:
                self._changed.notify()
                return
            self._is_working = True
        threading.Thread(target=self._work, name="coalescer", daemon=True).start()

    def _work(self) -> None:
        while (key := self._next()) is not None:
            try:
                self._act(key)
            except Exception:
                log.warning("coalescer.failed", exc_info=True)

    def _next(self) -> Key | None:
        """The next key once it is due, or None where there is nothing more to do."""
        with self._changed:
            while self._due:
                key = min(self._due, key=self._due.__getitem__)
                now = time.monotonic()
                if self._due[key] <= now:
                    del self._due[key]
                    self._rests_until = {each: until for each, until in self._rests_until.items() if until > now}
                    self._rests_until[key] = now + self._seconds
                    return key
                self._changed.wait(self._due[key] - now)
            self._is_working = False
            return None
