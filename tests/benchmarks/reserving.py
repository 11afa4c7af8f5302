"""Reserving through HTTP: how many a second, how long each waits, what it costs, and whether it stays true."""

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks import load, processor
from tests.benchmarks.crowd import Crowd, Holdings
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
    """The runs of one scenario, and the baseline measured beside each."""

    scenario: Scenario
    runs: Sequence[Run]
    baselines: Sequence[float]

    @property
    def median(self) -> Run:
        """The run of middling throughput."""
        return sorted(self.runs, key=lambda run: run.load.per_second)[len(self.runs) // 2]

    @property
    def baseline(self) -> float:
        """The baseline's throughput."""
        return statistics.median(self.baselines)

    @property
    def ratio(self) -> float:
        """Our throughput by the baseline's, each its median."""
        return self.median.load.per_second / self.baseline

    @property
    def refusals(self) -> Counter[str]:
        """The refusals of all runs."""
        return sum((run.load.refusals for run in self.runs), Counter())


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
    return Run(answered, crowd.holdings(event), web, database)


def _used(product: Product) -> tuple[float, float]:
    return processor.used(product.web), processor.used(product.postgres)
