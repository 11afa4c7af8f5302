"""The loads that the requirements name (TEST, P-001..003, S-001..003): normal, a flash sale, and sustained."""

from dataclasses import dataclass

from tests.load.journeys import Habits

GOAL_MILLISECONDS = 500
"""The time within which 95 of 100 requests are to be answered (P-001)."""
GOAL_FAULTS = 0.001
"""The share of requests that may fail."""

_HABITS = Habits(think_seconds=20, buying=0.2)


@dataclass(frozen=True)
class Profile:
    """So many users at once, for so many minutes; without minutes each comes once, all in the same moment."""

    name: str
    title: str
    users: int
    seats: int
    minutes: float | None = None
    habits: Habits = _HABITS


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("normal", "Normal load", users=100, seats=100_000, minutes=5),
        Profile("flash", "Flash sale", users=1000, seats=500),
        Profile("sustained", "Sustained load", users=500, seats=100_000, minutes=30),
    )
}
