"""`python -m tests.benchmarks.growth`: whether what a sale does takes longer in a database with more orders.

    python -m tests.benchmarks.growth [--orders 1000 100000] [--rounds 40]

It fills a database of its own for each number of orders (half of them at one event, all within sixty days), and prints
of each operation the lower quartile in milliseconds and its ratio to the smallest database: each round asks all of them
in turn, so that what else the machine does meets all. Ten million orders take some 30 GB and an hour to fill.
What a sale does happens at the large event, for new buyers; in this process, with Google's services left out.
"""

import argparse
import itertools
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Engine, text

from shared.cloud import clients, secrets
from shared.cloud.database import snapshot, transaction
from shared.gateways.statuses import GatewayPaymentState, GatewayPaymentStatus
from shared.identity.tokens import Principal
from shared.payments import reconcile
from shared.payments import records as payment_records
from shared.reports import overview, sales
from shared.reports.access import ReportedEvent
from shared.reports.periods import PeriodQuery, SalesQuery
from shared.sales import expiry, orders
from tests import factories
from tests.benchmarks.report import table
from tests.benchmarks.reports import filled_database
from tests.doubles import Published, Scheduled
from tests.factories import Event
from tests.stack import stack_secrets
from tests.status_handling import handle_one

T = TypeVar("T")

SIZES = (1_000, 100_000)
OVERDUE = 20
_WARMING = 3
_TIERS = text("SELECT id FROM ticket_tiers WHERE event_id = :event_id ORDER BY position")
_PENDING = text("UPDATE payments SET status = 'pending', gateway_reference = external_id WHERE id = :id")

Milliseconds = Mapping[str, float]
"""The lower quartile of each operation."""


@dataclass(frozen=True)
class Operation(Generic[T]):
    """Something that the product does with what is prepared for each time."""

    name: str
    prepare: Callable[[], T]
    act: Callable[[T], object]

    def milliseconds(self) -> float:
        """How long it takes once."""
        prepared = self.prepare()
        begun = time.perf_counter()
        self.act(prepared)
        return (time.perf_counter() - begun) * 1000


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.growth")
    parser.add_argument("--orders", type=int, nargs="+", default=SIZES)
    parser.add_argument("--rounds", type=int, default=40)
    chosen = parser.parse_args()
    os.environ["SHARED_CACHE"] = "off"
    secrets.provide({name.lower().replace("_", "-"): value for name, value in stack_secrets().items()})
    clients.publisher.provide(Published())  # type: ignore[arg-type]
    clients.tasks.provide(Scheduled())  # type: ignore[arg-type]
    with ExitStack() as kept:
        print(_table(_measured({size: kept.enter_context(_filled(size)) for size in chosen.orders}, chosen.rounds)))


@dataclass(frozen=True)
class Filled:
    """A database with many orders, and what is done there."""

    engine: Engine
    operations: list[Operation[Any]]


@contextmanager
def _filled(size: int) -> Iterator[Filled]:
    begun = time.perf_counter()
    with filled_database(size // 2) as (_, event):
        print(f"{size:,} orders: {_size()}, filled in {time.perf_counter() - begun:.0f} s", flush=True)
        yield Filled(clients.engine(), _operations(event))


def _measured(databases: Mapping[int, Filled], rounds: int) -> Mapping[int, Milliseconds]:
    taken: dict[int, dict[str, list[float]]] = {size: defaultdict(list) for size in databases}
    for _ in range(_WARMING + rounds):
        for size, filled in databases.items():
            clients.engine.provide(filled.engine)
            for each in filled.operations:
                taken[size][each.name].append(each.milliseconds())
    return {size: {name: _lower_quartile(each) for name, each in names.items()} for size, names in taken.items()}


def _lower_quartile(taken: Sequence[float]) -> float:
    return statistics.quantiles(taken[_WARMING:], n=4)[0]


def _size() -> str:
    with clients.engine().execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("CHECKPOINT")  # what filling has left to write is not to be written meanwhile
        return str(connection.exec_driver_sql("SELECT pg_size_pretty(pg_database_size(current_database()))").scalar())


def _operations(reported: ReportedEvent) -> list[Operation[Any]]:
    with transaction() as tx:
        tier_ids = list(tx.execute(_TIERS, {"event_id": reported.id}).scalars())
    event = Event(reported.id, reported.organizer_id, tier_ids)
    nothing = lambda: None  # noqa: E731
    return [
        Operation("reserve", _buyer, lambda buyer: factories.reserve(buyer, event)),
        Operation("a payment succeeds", lambda: _payment(event), _pay),
        Operation(f"sweep of {OVERDUE} overdue orders", lambda: _overdue(event), lambda _: expiry.expire_all_due()),
        Operation("reconcile, nothing to repair", nothing, lambda _: reconcile.run(thorough=False)),
        Operation("report of the large event", nothing, lambda _: _report(reported)),
        Operation("overview of the platform", nothing, lambda _: _overview()),
    ]


def _buyer() -> Principal:
    with transaction() as tx:
        return factories.a_user(tx)


def _payment(event: Event) -> UUID:
    """A payment that its gateway waits for."""
    order = factories.an_order(event)
    with transaction() as tx:
        locked = orders.lock(tx, order.id)
        payment = payment_records.add(
            tx,
            locked,
            gateway="xendit",
            method="QRIS",
            amount=locked.total_amount,
            expires_at=orders.start_payment(tx, locked),
        )
        tx.execute(_PENDING, {"id": payment.id})
    return payment.id


def _pay(payment_id: UUID) -> None:
    with transaction() as tx:
        payment = payment_records.read(tx, payment_id)
        reported = GatewayPaymentStatus(
            gateway=payment.gateway,
            external_id=payment.external_id,
            gateway_reference=payment.external_id,
            state=GatewayPaymentState.PAID,
            amount=payment.amount,
            paid_amount=payment.amount,
            currency="IDR",
            channel=None,
            transaction_id=None,
            paid_at=datetime.now(UTC),
            refunded_amount=0,
            raw_status="PAID",
        )
        handle_one(tx, payment_id, reported)


def _overdue(event: Event) -> None:
    for _ in range(OVERDUE):
        factories.make_overdue(factories.an_order(event).id)


def _report(event: ReportedEvent) -> None:
    with snapshot() as tx:
        sales.report(tx, event, SalesQuery())


def _overview() -> None:
    with snapshot() as tx:
        overview.overview(tx, overview.period_of(PeriodQuery()))


def _table(measured: Mapping[int, Milliseconds]) -> str:
    """A row for each operation, with a column and a ratio for each size."""
    first, *others = measured
    heads = ["lower quartile, ms", f"{first:,} orders"]
    for size in others:
        heads += [f"{size:,}", "ratio"]
    return table(heads, [_row(name, [each[name] for each in measured.values()]) for name in measured[first]])


def _row(name: str, values: Sequence[float]) -> Sequence[object]:
    first, *others = values
    cells = [[f"{value:.1f}", f"{value / first:.2f}"] for value in others]
    return [name, f"{first:.1f}", *itertools.chain.from_iterable(cells)]


if __name__ == "__main__":
    main()
