"""The virtual clock: the only time that the product sees, in Python and in SQL."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from unittest import mock

import time_machine

BEGINNING = datetime(2027, 3, 1, 2, 0, tzinfo=UTC)
"""Nine in the morning in Jakarta. Certificates, tokens and schedules see an ordinary day."""
_MONOTONIC_BEGINNING = 1_000_000.0


class Clock:
    """Virtual time since `BEGINNING`, in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._traveller: time_machine.Coordinates | None = None

    @property
    def now(self) -> datetime:
        """The current moment, in UTC."""
        return BEGINNING + timedelta(seconds=self.seconds)

    @property
    def for_postgresql(self) -> str:
        """The current moment, as PostgreSQL reads it."""
        return self.now.isoformat()

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self.seconds = round(self.seconds + max(seconds, 0.0), 6)
        if self._traveller:
            self._traveller.move_to(self.now)

    def restart(self) -> None:
        """Go back to the beginning, for another seed."""
        self.seconds = 0.0
        self.advance(0)

    def monotonic(self) -> float:
        """The time that measures durations: virtual too, so that no circuit or lease depends on the machine."""
        return _MONOTONIC_BEGINNING + self.seconds

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Let this process see virtual time: what sleeps lets it pass at once."""
        with (
            time_machine.travel(self.now, tick=False) as self._traveller,
            mock.patch.object(time, "monotonic", self.monotonic),
            mock.patch.object(time, "sleep", self.advance),
        ):
            yield
        self._traveller = None
