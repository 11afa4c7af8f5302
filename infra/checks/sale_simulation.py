"""A sale in virtual time: every request of every buyer, at functions with processors and places, and at a database.

A request takes a place of its function (it waits for one where all are taken), then a processor, then one of the
database's, and then it waits for others. Times of work are drawn at random around those measured, buyers come at random
at an even rate. Nothing is remembered of how long a real request took: what is tried is whether the plan's queues hold.
"""

import heapq
import random
import statistics
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

PERCENTS = (50, 95, 99)


@dataclass(frozen=True)
class Station:
    """A function or the database: processors, and how many requests may be there at once."""

    name: str
    processors: int
    places: int


@dataclass(frozen=True)
class Request:
    """Seconds of a function's processor, of the database's, and of waiting for others."""

    function: str
    processor: float
    database: float
    waiting: float


@dataclass(frozen=True)
class Experience:
    """The load of a function's processors, the time of its requests (p50, p95, p99), and its longest queue."""

    busy: float
    percentiles: Sequence[float]
    longest_queue: int


@dataclass(frozen=True)
class Trial:
    """A whole sale: tickets downloaded, seconds from the last buyer's coming to the last ticket, and each function."""

    finished: int
    after_sale: float
    functions: dict[str, Experience]


class _Clock:
    """Virtual time: what is to happen, in its order."""

    def __init__(self) -> None:
        self.now = 0.0
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._waiting, (self.now + seconds, next(self._numbers), act))

    def run(self) -> None:
        while self._waiting:
            self.now, _, act = heapq.heappop(self._waiting)
            act()


@dataclass
class _Resource:
    """So many equal things, taken in order of arrival."""

    clock: _Clock
    free: int
    queue: deque[Callable[[], None]] = field(default_factory=deque)
    longest_queue: int = 0
    used: float = 0.0

    def take(self, then: Callable[[], None]) -> None:
        if self.free:
            self.free -= 1
            then()
            return
        self.queue.append(then)
        self.longest_queue = max(self.longest_queue, len(self.queue))

    def give_back(self) -> None:
        if self.queue:
            self.queue.popleft()()
        else:
            self.free += 1

    def work(self, seconds: float, then: Callable[[], None]) -> None:
        """Take one, keep it so long, and go on."""

        def done() -> None:
            self.give_back()
            then()

        self.used += seconds
        self.take(lambda: self.clock.after(seconds, done))


class _Sale:
    def __init__(self, functions: Sequence[Station], database: Station, seed: int) -> None:
        self.clock = _Clock()
        self.chance = random.Random(seed)  # noqa: S311 - a simulation
        self.stations = {each.name: each for each in (*functions, database)}
        self.processors = {each.name: _Resource(self.clock, each.processors) for each in self.stations.values()}
        self.places = {each.name: _Resource(self.clock, each.places) for each in functions}
        self.taken: dict[str, list[float]] = {each.name: [] for each in functions}
        self.finished = 0

    def buy(self, requests: Iterator[Request]) -> None:
        """Make one request after the other."""
        request = next(requests, None)
        if request is None:
            self.finished += 1
            return
        begun = self.clock.now
        places = self.places[request.function]

        def answered() -> None:
            places.give_back()
            self.taken[request.function].append(self.clock.now - begun)
            self.buy(requests)

        def in_database() -> None:
            wait = lambda: self.clock.after(self._around(request.waiting), answered)  # noqa: E731
            self.processors["database"].work(self._around(request.database), wait)

        places.take(lambda: self.processors[request.function].work(self._around(request.processor), in_database))

    def _around(self, seconds: float) -> float:
        """A time whose mean that is; one in a hundred is nearly three times as long."""
        return self.chance.gammavariate(3, seconds / 3)


def run(
    functions: Sequence[Station],
    database: Station,
    journey: Sequence[Request],
    *,
    tickets: int,
    seconds: float,
    seed: int = 1,
) -> Trial:
    """Let so many buyers come in so many seconds, and each make all requests of a purchase."""
    sale = _Sale(functions, database, seed)
    moments = sorted(sale.chance.uniform(0, seconds) for _ in range(tickets))
    for moment in moments:
        sale.clock.after(moment, lambda: sale.buy(iter(journey)))
    sale.clock.run()
    over = sale.clock.now
    return Trial(sale.finished, over - moments[-1], {each.name: _experience(sale, each, seconds) for each in functions})


def _experience(sale: _Sale, station: Station, seconds: float) -> Experience:
    quantiles = statistics.quantiles(sale.taken[station.name], n=100, method="inclusive")
    processors = sale.processors[station.name]
    return Experience(
        busy=processors.used / station.processors / seconds,
        percentiles=[quantiles[percent - 1] for percent in PERCENTS],
        longest_queue=max(processors.longest_queue, sale.places[station.name].longest_queue),
    )
