"""Reserving through HTTP: how many a second, how long each waits, what it costs, and whether it stays true."""

import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tests.benchmarks import load, processor
from tests.benchmarks.crowd import Crowd, Holdings
from tests.benchmarks.empty_function import EmptyRun
from tests.benchmarks.load import Load
from tests.benchmarks.product import Product

_PLENTY = 1_000_000


@dataclass(frozen=True)
class Scenario:
    """`buyers` at a time want one ticket each, of `tiers` tiers; with an Idempotency-Key where asked."""

    tiers: int
    buyers: int
    with_keys: bool = False

    @property
    def load(self) -> dict[str, int]:
        """How many clients of the bare transaction that is, and on how many tiers."""
        return {"clients": self.buyers, "tiers": self.tiers}

    @property
    def name(self) -> str:
        """Its name in the report."""
        return ("one hot tier" if self.tiers == 1 else f"{self.tiers} tiers") + (
            ", with keys" if self.with_keys else ""
        )


@dataclass(frozen=True)
class Run:
    """One run of a scenario: responses, the database's counts, processor seconds of the web and of PostgreSQL."""

    load: Load
    holdings: Holdings
    web_seconds: float
    database_seconds: float
    seats: int
    """Of each tier."""

    @property
    def web_milliseconds(self) -> float:
        """The processor time that the web used for each accepted one."""
        return self.web_seconds / max(len(self.load.accepted), 1) * 1000

    @property
    def database_milliseconds(self) -> float:
        """The processor time that PostgreSQL used for each accepted one."""
        return self.database_seconds / max(len(self.load.accepted), 1) * 1000

    @property
    def lost(self) -> int:
        """Reservations that were accepted and are not in the database."""
        return max(len(self.load.accepted) - self.holdings.held, 0)

    @property
    def faults(self) -> int:
        """The counts that must be zero."""
        return self.holdings.oversold + self.holdings.miscounted + self.lost + self.load.broken

    def milliseconds(self, percent: int) -> float:
        """The time within which so many percent of the accepted were answered."""
        if len(self.load.accepted) < 2:
            return float("nan")
        return statistics.quantiles(self.load.accepted, n=100, method="inclusive")[percent - 1] * 1000


@dataclass(frozen=True)
class Result:
    """The runs of one scenario, and both baselines measured beside each."""

    scenario: Scenario
    runs: list[Run]
    bare: list[float]
    """Bare transactions per second."""
    empty: list[EmptyRun]

    @property
    def median(self) -> Run:
        """The run of middling throughput."""
        return sorted(self.runs, key=lambda run: run.load.per_second)[len(self.runs) // 2]

    @property
    def to_bare(self) -> float:
        """Our throughput by that of the bare transaction beside it, the median of the rounds."""
        return _median_ratio((run.load.per_second for run in self.runs), self.bare)

    @property
    def to_empty(self) -> float:
        """Our throughput by that of the empty function beside it, the median of the rounds."""
        return _median_ratio((run.load.per_second for run in self.runs), (each.load.per_second for each in self.empty))

    @property
    def processor_to_empty(self) -> float:
        """The web's processor time of a reservation by that of an empty request, the median of the rounds."""
        return _median_ratio((run.web_milliseconds for run in self.runs), (each.milliseconds for each in self.empty))

    @property
    def refusals(self) -> Counter[str]:
        """The refusals of all runs."""
        return sum((run.load.refusals for run in self.runs), Counter())


def _median_ratio(ours: Iterable[float], theirs: Iterable[float]) -> float:
    return statistics.median(our / their for our, their in zip(ours, theirs, strict=True))


def measure(product: Product, crowd: Crowd, scenario: Scenario, *, seconds: float) -> Run:
    """Reserve for `seconds`, where nothing is sold out."""
    return _measure(product, crowd, scenario, seats=_PLENTY, seconds=seconds)


def rush(product: Product, crowd: Crowd, *, buyers: int, seats: int) -> Run:
    """`buyers` come at once, each a single time, for the `seats` of one tier."""
    return _measure(product, crowd, Scenario(tiers=1, buyers=buyers), seats=seats, seconds=0)


def _measure(product: Product, crowd: Crowd, scenario: Scenario, *, seats: int, seconds: float) -> Run:
    event = crowd.event(tiers=scenario.tiers, seats=seats)
    requests = crowd.reservations(event, with_keys=scenario.with_keys)
    before = _used(product)
    answered = load.send(product.address, requests, buyers=scenario.buyers, seconds=seconds)
    web, database = (now - then for now, then in zip(_used(product), before, strict=True))
    return Run(answered, crowd.holdings(event.id), web, database, seats)


def _used(product: Product) -> tuple[float, float]:
    return processor.used(product.web), processor.used(product.postgres)
