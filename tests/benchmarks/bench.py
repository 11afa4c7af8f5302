"""The product, buyers and both baselines, which the parts of a run share: started when a part first asks for them."""

import itertools
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property

from tests.benchmarks import empty_function, product
from tests.benchmarks.baseline import Baseline
from tests.benchmarks.crowd import Crowd
from tests.benchmarks.empty_function import EmptyFunction
from tests.benchmarks.product import Product

CROWD = 30_000
_SAMPLE = 1000


@dataclass(frozen=True)
class Plan:
    """How often and for how many seconds each thing is measured."""

    rounds: int
    reserving: float
    baseline: int
    purchasing: float
    paid_at_once: tuple[tuple[int, int], ...]
    """How many buyers pay in the same moment, and how often."""
    chats: int
    """People who buy in a chat, one after the other."""
    starts: int
    reads: int
    orders: int
    share: int
    """Of the flash sale's buyers, one in so many comes."""
    only_warm: bool
    """Functions that wait for buyers are the only ones whose start is measured."""
    minutes: float = 30


QUICK = Plan(
    rounds=1,
    reserving=2,
    baseline=1,
    purchasing=3,
    paid_at_once=((1, 5), (32, 1)),
    chats=5,
    starts=1,
    reads=50,
    orders=10_000,
    share=5,
    only_warm=True,
)
FULL = Plan(
    rounds=3,
    reserving=4,
    baseline=2,
    purchasing=15,
    paid_at_once=((1, 20), (32, 2), (200, 1)),
    chats=40,
    starts=5,
    reads=200,
    orders=100_000,
    share=1,
    only_warm=False,
)


class Bench:
    """One run on this machine."""

    def __init__(self, plan: Plan, running: ExitStack) -> None:
        self.plan = plan
        self._running = running

    @cached_property
    def product(self) -> Product:
        """The product, as a user starts it."""
        started = self._running.enter_context(product.running())
        show("\n".join(started.describe()))
        return started

    @cached_property
    def crowd(self) -> Crowd:
        """Buyers of the product."""
        return Crowd(self.product.database, CROWD)

    @cached_property
    def bare(self) -> Baseline:
        """The bare transaction, on the product's PostgreSQL."""
        made = Baseline(self.product.server, self.product.folder)
        show(f"bare SQL: {made.tool}")
        return made

    @cached_property
    def empty(self) -> EmptyFunction:
        """The empty function, on a server like the product's."""
        return self._running.enter_context(empty_function.running())

    @cached_property
    def sample(self) -> list[bytes]:
        """Requests of some buyers, for who reads nothing of them."""
        return list(itertools.islice(self.crowd.reservations(self.crowd.event(tiers=1, seats=1)), _SAMPLE))


@contextmanager
def running(plan: Plan) -> Iterator[Bench]:
    """A run that stops what it has started, also when it is told to end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with ExitStack() as started:
        yield Bench(plan, started)


def show(paragraph: str) -> None:
    """Print a paragraph at once."""
    print(paragraph, end="\n\n", flush=True)
