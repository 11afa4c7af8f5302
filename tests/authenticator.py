"""An authenticator app, as people have one on their phones: pyotp with the secret that our page shows."""

import time
from dataclasses import dataclass

import pyotp

from tests.waiting import until

STEP_SECONDS = 30


@dataclass
class Authenticator:
    """An app that holds one secret, and shows each code once."""

    secret: str
    shown: int = 0

    def code(self) -> str:
        """A code that was not shown before: the one of now, or as soon as that is possible the next one."""
        step = max(self._now(), self.shown + 1)
        until(lambda: self._now() >= step - 1, what="for the next code")
        self.shown = step
        return pyotp.TOTP(self.secret).generate_otp(step)

    @staticmethod
    def _now() -> int:
        return int(time.time()) // STEP_SECONDS
