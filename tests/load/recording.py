"""The outcome of each request of a load, and the percentiles of many."""

import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

OK = "ok"
NO_ANSWER = "no answer"
STEPS = ("home", "event page", "reserve", "checkout", "pay at the gateway", "order", "download")
DELIVERY = "paid to ticket"
"""No request: how long a buyer waits for the ticket, from the click at the gateway."""


class Sample(NamedTuple):
    """One request: its step, when it began and how long it took, in seconds, and its outcome."""

    step: str
    at: float
    seconds: float
    outcome: str

    @property
    def is_fault(self) -> bool:
        """True where the server failed, or did not answer: a refusal is no fault."""
        return self.outcome == NO_ANSWER or self.outcome[0] == "5"


@dataclass
class Recording:
    """The samples of one load, from its beginning."""

    samples: list[Sample] = field(default_factory=list)
    begun: float = field(default_factory=time.perf_counter)

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return time.perf_counter() - self.begun

    @contextmanager
    def timed(self, step: str, begun: float | None = None) -> Iterator[list[str]]:
        """Time a step, from now or from `begun`; its block puts the outcome into the list, or there was no answer."""
        begun, outcome = self.now if begun is None else begun, list[str]()
        try:
            yield outcome
        finally:
            self.samples.append(Sample(step, begun, self.now - begun, outcome[0] if outcome else NO_ANSWER))

    def of(self, step: str) -> list[Sample]:
        """The samples of one step."""
        return [sample for sample in self.samples if sample.step == step]

    @property
    def steps(self) -> list[str]:
        """The steps that there are samples of, in the order of a purchase."""
        return [step for step in (*STEPS, DELIVERY) if self.of(step)]

    @property
    def requests(self) -> list[Sample]:
        """All requests."""
        return [sample for sample in self.samples if sample.step != DELIVERY]

    @property
    def faults(self) -> Counter[str]:
        """The faults by step and outcome."""
        return Counter(f"{each.step}: {each.outcome}" for each in self.samples if each.is_fault)

    @property
    def refusals(self) -> Counter[str]:
        """The refusals, by step and problem."""
        refused = (each for each in self.samples if each.outcome != OK and not each.is_fault)
        return Counter(f"{each.step}: {each.outcome}" for each in refused)


def milliseconds(samples: Sequence[Sample], percent: int) -> float:
    """The time within which so many percent were over."""
    if len(samples) < 2:
        return samples[0].seconds * 1000 if samples else float("nan")
    return statistics.quantiles((each.seconds for each in samples), n=100, method="inclusive")[percent - 1] * 1000
