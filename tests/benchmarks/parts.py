"""The parts of `make bench`: each measures, prints its tables, and returns the number of faults that must be zero."""

from collections.abc import Callable

from tests.benchmarks import imports, purchasing, report, reserving, sampling
from tests.benchmarks.bench import Bench, show
from tests.benchmarks.reserving import Result, Scenario

RUSH_BUYERS, RUSH_SEATS = 400, 100

SCENARIOS = [Scenario(tiers, buyers) for tiers in (1, 100) for buyers in (1, 32, 200)]
SCENARIOS.append(Scenario(tiers=1, buyers=200, with_keys=True))


def reserve(bench: Bench) -> int:
    """Reserving beside the bare transaction and the empty function."""
    reserving.measure(bench.product, bench.crowd, Scenario(tiers=1, buyers=200), seconds=2)  # opens connections
    results = [_result(bench, scenario) for scenario in SCENARIOS]
    show(report.reservations(results))
    show(report.beside_empty(results))
    return sum(run.faults for result in results for run in result.runs)


def _result(bench: Bench, scenario: Scenario) -> Result:
    """The runs of a scenario, each beside both baselines: what else the machine does meets all three."""
    result = Result(scenario, [], [], [])
    for _ in range(bench.plan.rounds):
        run = reserving.measure(bench.product, bench.crowd, scenario, seconds=bench.plan.reserving)
        result.runs.append(run)
        result.bare.append(bench.bare.per_second(**scenario.load, seconds=bench.plan.baseline))
        result.empty.append(bench.empty.measure(bench.sample, buyers=scenario.buyers, seconds=bench.plan.baseline))
    return result


def rush(bench: Bench) -> int:
    """More buyers at once than there are seats."""
    run = reserving.rush(bench.product, bench.crowd, buyers=RUSH_BUYERS, seats=RUSH_SEATS)
    show(report.rush(run, seats=RUSH_SEATS))
    return run.faults


def purchase(bench: Bench) -> int:
    """Whole purchases, and how long the ticket and its mail take once it is paid."""
    measured = [
        purchasing.measure(bench.product, bench.crowd, buyers=buyers, seconds=bench.plan.purchasing)
        for buyers in (1, 32)
    ]
    show(report.purchases(measured))
    failures = [failure for each in measured for failure in each.failures]
    if failures:
        show(f"The first purchase that failed: {failures[0]}")
    return len(failures)


def profile(bench: Bench) -> int:
    """Where a reservation's processor time goes, by stage."""
    for buyers in (1, 200):
        scenario = Scenario(tiers=1, buyers=buyers)
        with sampling.sampled(bench.product.web.children(), bench.product.folder) as stacks:
            run = reserving.measure(bench.product, bench.crowd, scenario, seconds=2 * bench.plan.reserving)
        show(report.profile(run, buyers, stacks))
    return 0


def import_times(bench: Bench) -> int:
    """The import of each function."""
    show(report.imports(imports.measure(times=bench.plan.starts)))
    return 0


PARTS: dict[str, Callable[[Bench], int]] = {
    "reserve": reserve,
    "profile": profile,
    "rush": rush,
    "purchase": purchase,
    "imports": import_times,
}
