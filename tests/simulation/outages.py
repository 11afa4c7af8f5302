"""Outages: a gateway that fails or is slow for minutes, in every call, and not in one alone."""

from dataclasses import dataclass

from tests.simulation.clock import Clock
from tests.simulation.faults import FaultKind

KINDS = (
    FaultKind.GATEWAY_ERROR,
    FaultKind.GATEWAY_TIMEOUT,
    FaultKind.GATEWAY_LOST_ANSWER,
    FaultKind.GATEWAY_SLOW,
    FaultKind.GATEWAY_UNREADABLE,
)
"""The ways in which a gateway fails for as long as it does."""


@dataclass(frozen=True)
class Outage:
    """The way in which a gateway fails, until a moment of virtual time."""

    kind: FaultKind
    until: float


class Outages:
    """The last outage of each gateway."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: dict[str, Outage] = {}
        self.have_struck = False
        """A call of this step has failed."""

    def begin(self, gateway: str, kind: FaultKind, seconds: float) -> None:
        """Let a gateway fail from now on."""
        self._last[gateway] = Outage(kind, self._clock.seconds + seconds)

    def of(self, gateway: str) -> FaultKind | None:
        """The way in which a gateway fails now, if it does."""
        last = self._last.get(gateway)
        return last.kind if last and self._clock.seconds < last.until else None

    def healthy_seconds(self, gateway: str) -> float:
        """The time since a gateway's last outage; negative while it lasts."""
        last = self._last.get(gateway)
        return self._clock.seconds - last.until if last else float("inf")

    def strike(self, gateway: str) -> FaultKind | None:
        """The way in which a call of a gateway fails, if it does."""
        kind = self.of(gateway)
        self.have_struck = self.have_struck or kind is not None
        return kind

    def end(self) -> None:
        """Let every gateway be healthy, as it always was."""
        self._last.clear()
