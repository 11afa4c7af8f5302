"""`make bench`: measure the sale on this machine, beside bare PostgreSQL, and print tables.

    python -m tests.benchmarks           about five minutes, each figure the median of three
    python -m tests.benchmarks --quick   about a minute, each figure measured once

Time is never judged: the exit code is 1 only where something was oversold, lost, miscounted or answered
with a server error.
"""

import argparse
import signal
import sys
from dataclasses import dataclass

from tests.benchmarks import imports, product, purchasing, report, reserving
from tests.benchmarks.baseline import Baseline
from tests.benchmarks.crowd import Crowd
from tests.benchmarks.product import Product
from tests.benchmarks.reserving import Result, Scenario

CROWD = 30_000
RUSH_BUYERS, RUSH_SEATS = 400, 100

SCENARIOS = [Scenario(tiers, buyers) for tiers in (1, 100) for buyers in (1, 32, 200)]
SCENARIOS.append(Scenario(tiers=1, buyers=200, with_keys=True))


@dataclass(frozen=True)
class Plan:
    """How often and for how many seconds each thing is measured."""

    rounds: int
    reserving: float
    baseline: int
    purchasing: float
    imports: int


QUICK = Plan(rounds=1, reserving=2.5, baseline=2, purchasing=4, imports=1)
FULL = Plan(rounds=3, reserving=5, baseline=3, purchasing=15, imports=5)


def main() -> int:
    """Measure, print, and tell whether the sale stayed true."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--quick", action="store_true", help="about a minute, each figure measured once")
    plan = QUICK if parser.parse_args().quick else FULL
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and with us what we have started
    with product.running() as running:
        crowd = Crowd(running.database, CROWD)
        baseline = Baseline(running.server, running.folder)
        _print("\n".join([*running.describe(), f"bare SQL: {baseline.tool}"]))
        faults = _reserve(running, crowd, baseline, plan) + _rush(running, crowd) + _purchase(running, crowd, plan)
    _print(report.imports(imports.measure(times=plan.imports)))
    if faults:
        _print(f"{faults} reservations or purchases were oversold, lost, miscounted or met a server error.")
    return 1 if faults else 0


def _reserve(running: Product, crowd: Crowd, baseline: Baseline, plan: Plan) -> int:
    reserving.measure(running, crowd, Scenario(tiers=1, buyers=200), seconds=2)  # the first ones open connections
    results = [_result(running, crowd, baseline, scenario, plan) for scenario in SCENARIOS]
    _print(report.reservations(results))
    return sum(run.faults for result in results for run in result.runs)


def _result(running: Product, crowd: Crowd, baseline: Baseline, scenario: Scenario, plan: Plan) -> Result:
    runs, beside = [], []
    for _ in range(plan.rounds):
        runs.append(reserving.measure(running, crowd, scenario, seconds=plan.reserving))
        beside.append(baseline.per_second(clients=scenario.buyers, tiers=scenario.tiers, seconds=plan.baseline))
    return Result(scenario, runs, beside)


def _rush(running: Product, crowd: Crowd) -> int:
    run = reserving.rush(running, crowd, buyers=RUSH_BUYERS, seats=RUSH_SEATS)
    _print(report.rush(run, seats=RUSH_SEATS))
    return run.faults


def _purchase(running: Product, crowd: Crowd, plan: Plan) -> int:
    measured = [purchasing.measure(running, crowd, buyers=buyers, seconds=plan.purchasing) for buyers in (1, 32)]
    _print(report.purchases(measured))
    failures = [failure for each in measured for failure in each.failures]
    if failures:
        _print(f"The first purchase that failed: {failures[0]}")
    return len(failures)


def _print(paragraph: str) -> None:
    print(paragraph, end="\n\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
