"""Pacing: what a waiting room is doing, and how many people it calls in a tick. Pure functions of what was measured.

The rate rises by steps while `reserve` is fast and sound, and falls by a third as soon as it is not. Calls that came
due while nobody could be called are forgotten beyond `CREDIT_SECONDS`: there is no burst after a pause.
"""

from dataclasses import dataclass
from datetime import datetime
from math import floor

from shared.sales.reserve_load import ReserveLoad
from shared.states import EventStatus, WaitingRoomPhase

MIN_CALLS_PER_MINUTE = 30
FIRST_CALLS_PER_MINUTE = 600
MAX_CALLS_PER_MINUTE = 3_000
"""The set rate: 50 people a second, some six requests each (docs/capacity.md)."""
STEP = 60
SLOW_MILLISECONDS = 500
FAILED_SHARE = 0.01
CREDIT_SECONDS = 10


@dataclass(frozen=True)
class EventNow:
    """An event with a waiting room, as it is now: the setting, and what its tiers have."""

    status: str
    opens_at: datetime | None
    is_drawn: bool
    is_over: bool
    """True once the event or the sale of all its tiers has ended."""
    is_on_sale: bool
    is_sold_later: bool
    """True if a tier with units left goes on sale later."""
    free_units: int
    held_units: int


@dataclass(frozen=True)
class Queue:
    """A waiting room's people: those who wait, and those who were called and are choosing now."""

    waiting: int
    choosing: int
    units_per_order: float


def phase(event: EventNow, at: datetime) -> WaitingRoomPhase:
    """The phase of the waiting room."""
    if event.status == EventStatus.CANCELLED:
        return WaitingRoomPhase.CANCELLED
    if event.opens_at is None:
        return WaitingRoomPhase.LIFTED
    if event.is_over:
        return WaitingRoomPhase.ENDED
    if at < event.opens_at:
        return WaitingRoomPhase.NOT_OPEN
    if not event.is_drawn:
        return WaitingRoomPhase.GATHERING
    return _selling(event)


def _selling(event: EventNow) -> WaitingRoomPhase:
    if event.status != EventStatus.PUBLISHED or not event.is_on_sale:
        return WaitingRoomPhase.PAUSED
    if event.free_units > 0:
        return WaitingRoomPhase.SERVING
    if event.held_units > 0:
        return WaitingRoomPhase.ALL_HELD
    return WaitingRoomPhase.PAUSED if event.is_sold_later else WaitingRoomPhase.SOLD_OUT


def next_rate(calls_per_minute: int, load: ReserveLoad) -> int:
    """The calls a minute from now on, after what `reserve` has reported."""
    if load.mean_milliseconds > SLOW_MILLISECONDS or load.failed_share > FAILED_SHARE:
        return max(MIN_CALLS_PER_MINUTE, calls_per_minute * 2 // 3)
    return min(MAX_CALLS_PER_MINUTE, calls_per_minute + STEP)


def credit(before: float, seconds: float, calls_per_minute: int) -> float:
    """The calls that are due, some seconds after a tick that left `before`."""
    due = before + max(seconds, 0.0) * calls_per_minute / 60
    return min(due, max(1.0, calls_per_minute * CREDIT_SECONDS / 60))


def calls(due: float, event: EventNow, queue: Queue) -> int:
    """The number of people to call: no more than could order of what is free, besides those who are choosing."""
    buyers = floor(event.free_units / max(queue.units_per_order, 1.0))
    could_order = max(buyers, 1 if event.free_units else 0) - queue.choosing
    return max(0, min(floor(due), queue.waiting, could_order))
