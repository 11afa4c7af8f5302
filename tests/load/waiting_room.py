"""A rush in virtual time: people, a waiting room that calls them as the product does, and a sale with few seats.

    python -m tests.load.waiting_room [--people 100000] [--seats 5000] [--seed 1]

The draw and the pacing are the product's own (shared/waiting_room); people, the sale and how fast `reserve` answers are
made up. The controller is killed every now and then. Every promise is checked as time passes: order, one turn a place,
seats, and how many requests reach functions. Exit code 1 where one is broken.
"""

import argparse
import heapq
import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from statistics import mean

from shared.sales.reserve_load import ReserveLoad
from shared.states import WaitingRoomPhase
from shared.waiting_room import draw, pacing
from shared.waiting_room.controller import TICK_SECONDS
from shared.waiting_room.pacing import EventNow, Queue
from shared.waiting_room.places import PASS_SECONDS
from shared.waiting_room.rooms import ARRIVAL_SECONDS

HOUR = datetime(2026, 11, 29, 10, tzinfo=UTC)
OPEN_FOR, COMING_FOR = 1_800.0, 600.0
"""Seconds: how long the room is open before the hour, and how long people come after it."""
EARLY_SHARE, PRESENT_SHARE, LATE_SHARE, BUYING_SHARE, PAYING_SHARE = 0.85, 0.85, 0.05, 0.92, 0.85
HOLD_SECONDS = 900.0
RESERVES_A_SECOND = 40.0
"""The rate that `reserve` can bear here, less than the set one: the controller has to find it out."""
KILLED_EVERY, AWAY_FOR = 300.0, 60.0
REQUESTS_OF_A_TURN = 8
"""Entering, the tickets, a price, the order and its pages."""
KEY = "6f62034be756ae36ee0e7a67ce3ca8878714394762240b6e5f085f2b739e648c"


@dataclass
class SimulatedSale:
    """The outcome. `broken` are the promises that were not kept."""

    people: int
    seats: int
    sold: int = 0
    called: int = 0
    entered: int = 0
    orders: int = 0
    told_sold_out: int = 0
    sold_out_after: float | None = None
    highest_rate: int = 0
    busiest_second: int = 0
    """Requests of those whose turn it is; who waits makes none."""
    busiest_second_of_joining: int = 0
    early_mean: float = 0.0
    late_mean: float = 0.0
    broken: list[str] = field(default_factory=list)


class Rush:
    """One rush. Times are seconds from the opening of the room."""

    def __init__(self, people: int, seats: int, seed: int) -> None:
        self._chance = random.Random(seed)
        self.outcome = SimulatedSale(people, seats)
        self._free, self._held = seats, 0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._joined: list[int] = []
        self._draw_size: int | None = None
        self._by_position: dict[int, int] = {}
        self._serving, self._credit, self._rate = 0, 0.0, pacing.FIRST_CALLS_PER_MINUTE
        self._ticked_at = 0.0
        self._calls: list[tuple[float, int]] = []
        self._entered_at: dict[int, float] = {}
        self._choosing: set[int] = set()
        self._reserves = 0
        self._joins: Counter[int] = Counter()
        self._requests: Counter[int] = Counter()
        self.now = 0.0

    def run(self) -> SimulatedSale:
        """Let it happen until everybody has tickets or knows that there are none."""
        for person in range(self.outcome.people):
            self._at(self._arrival(), partial(self._join, person))
        self._at(OPEN_FOR, self._draw)
        self._at(0.0, self._tick)
        while self._events:
            self.now, _, act = heapq.heappop(self._events)
            act()
        self._judge()
        return self.outcome

    def _arrival(self) -> float:
        if self._chance.random() < EARLY_SHARE:
            return min(self._chance.expovariate(3 / OPEN_FOR), OPEN_FOR - 1)
        return OPEN_FOR + self._chance.expovariate(3 / COMING_FOR)

    def _join(self, person: int) -> None:
        self._joins[int(self.now)] += 1
        self._joined.append(person)
        if self._draw_size is not None:
            self._by_position[draw.position(len(self._joined), self._draw_size, KEY)] = person

    def _draw(self) -> None:
        self._draw_size = len(self._joined)
        for number, person in enumerate(self._joined, start=1):
            self._by_position[draw.position(number, self._draw_size, KEY)] = person
        positions = {person: position for position, person in self._by_position.items()}
        half = len(self._joined) // 2
        self.outcome.early_mean = mean(positions[each] for each in self._joined[:half])
        self.outcome.late_mean = mean(positions[each] for each in self._joined[half:])
        self._require(sorted(self._by_position) == list(range(1, self._draw_size + 1)), "a position was given twice")

    def _tick(self) -> None:
        """The work of rooms.tick, with this model's sale."""
        event = EventNow(
            status="published",
            opens_at=HOUR - timedelta(seconds=OPEN_FOR),
            is_drawn=self._draw_size is not None,
            is_over=False,
            is_on_sale=self.now >= OPEN_FOR,
            is_sold_later=False,
            free_units=self._free,
            held_units=self._held,
        )
        due = pacing.credit(self._credit, self.now - self._ticked_at, self._rate)
        phase = pacing.phase(event, HOUR + timedelta(seconds=self.now - OPEN_FOR))
        calls = pacing.calls(due, event, self._queue()) if phase == WaitingRoomPhase.SERVING else 0
        self._credit, self._ticked_at = due - calls, self.now
        self._rate = pacing.next_rate(self._rate, self._load())
        self.outcome.highest_rate = max(self.outcome.highest_rate, self._rate)
        self._call(calls)
        if phase == WaitingRoomPhase.SOLD_OUT:
            self.outcome.sold_out_after = self.now - OPEN_FOR
            self.outcome.told_sold_out = len(self._joined) - self._serving
            return
        is_killed = self.now % KILLED_EVERY < TICK_SECONDS and self.now > OPEN_FOR
        self._at(self.now + (AWAY_FOR if is_killed else TICK_SECONDS), self._tick)

    def _queue(self) -> Queue:
        since = self.now - ARRIVAL_SECONDS
        before = max((number for moment, number in self._calls if moment <= since), default=0)
        lately = sum(moment > since for moment in self._entered_at.values())
        missing = max(0, self._serving - before - lately)
        taken = self.outcome.seats - self._free
        units = taken / self.outcome.orders if self.outcome.orders else 1.0
        return Queue(len(self._joined) - self._serving, len(self._choosing) + missing, units)

    def _load(self) -> ReserveLoad:
        """How fast reserve was since the last tick, by how busy it was."""
        busy = self._reserves / TICK_SECONDS / RESERVES_A_SECOND
        requests, self._reserves = self._reserves, 0
        each = 30 / (1 - busy) if busy < 0.95 else 1_000
        return ReserveLoad(requests, requests // 20 if busy > 1 else 0, int(requests * each))

    def _call(self, calls: int) -> None:
        for position in range(self._serving + 1, self._serving + calls + 1):
            self._arrive(self._by_position[position])
        self._serving += calls
        self.outcome.called += calls
        if calls:
            self._calls.append((self.now, self._serving))
        self._require(self._serving <= len(self._joined), "somebody was called who is not there")

    def _arrive(self, person: int) -> None:
        drawn = self._chance.random()
        if drawn < PRESENT_SHARE:
            self._at(self.now + self._chance.expovariate(1 / 15), partial(self._enter, person))
        elif drawn < PRESENT_SHARE + LATE_SHARE:
            self._at(self.now + self._chance.uniform(180, 600), partial(self._enter, person))

    def _enter(self, person: int) -> None:
        self._require(person not in self._entered_at, "somebody entered twice")
        self._entered_at[person] = self.now
        self._choosing.add(person)
        self.outcome.entered += 1
        self._requests[int(self.now)] += REQUESTS_OF_A_TURN
        chosen = min(self._chance.expovariate(1 / 90), PASS_SECONDS)
        if chosen < PASS_SECONDS and self._chance.random() < BUYING_SHARE:
            self._at(self.now + chosen, partial(self._reserve, person))
        else:
            self._at(self.now + PASS_SECONDS, partial(self._choosing.discard, person))

    def _reserve(self, person: int) -> None:
        self._reserves += 1
        wanted = min(self._chance.choice((1, 2, 2, 2, 3, 4)), self._free)
        self._choosing.discard(person)
        if not wanted:
            return
        self.outcome.orders += 1
        self._free, self._held = self._free - wanted, self._held + wanted
        self._require(self._free >= 0, "a seat was held that is not there")
        if self._chance.random() < PAYING_SHARE:
            self._at(self.now + self._chance.uniform(30, 300), partial(self._pay, wanted))
        else:
            self._at(self.now + HOLD_SECONDS, partial(self._expire, wanted))

    def _pay(self, units: int) -> None:
        self._held -= units
        self.outcome.sold += units

    def _expire(self, units: int) -> None:
        self._held -= units
        self._free += units
        self.outcome.orders -= 1

    def _judge(self) -> None:
        told = self.outcome
        told.busiest_second = max(self._requests.values(), default=0)
        told.busiest_second_of_joining = max(self._joins.values(), default=0)
        allowed = (pacing.MAX_CALLS_PER_MINUTE / 60 * REQUESTS_OF_A_TURN) * 2  # seconds differ; a minute does not
        self._require(told.busiest_second <= allowed, "more requests than the set rate allows")
        self._require(told.sold == told.seats, f"{told.seats - told.sold} seats were not sold")
        self._require(told.called + told.told_sold_out == told.people, "somebody was lost")
        self._require(abs(told.early_mean / told.late_mean - 1) < 0.1, "who came early stands elsewhere")

    def _require(self, is_kept: bool, broken: str) -> None:
        if not is_kept:
            self.outcome.broken.append(broken)

    def _at(self, moment: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._order), act))


def simulate(people: int, seats: int, seed: int = 1) -> SimulatedSale:
    """A whole rush."""
    return Rush(people, seats, seed).run()


def main() -> int:
    """Simulate, print what came of it, and tell whether every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.waiting_room")
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--seats", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    outcome = simulate(**vars(parser.parse_args()))
    for name, value in vars(outcome).items():
        sys.stdout.write(f"{name.replace('_', ' '):20} {value}\n")
    return int(bool(outcome.broken))


if __name__ == "__main__":
    sys.exit(main())
