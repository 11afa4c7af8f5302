"""The parts of `make bench`: each measures, prints its tables, and returns the number of faults that must be zero."""

import subprocess
import sys
from collections.abc import Callable, Collection
from dataclasses import replace

from functions.manifest import manifest
from tests.benchmarks import chatting, cold_start, imports, issuing, layers, purchasing, report, reserving, sampling
from tests.benchmarks.bench import Bench, show
from tests.benchmarks.reserving import Result, Scenario
from tests.load import report as load_report
from tests.load import running
from tests.load.profiles import PROFILES, Profile
from tests.load.target import Local
from tests.stack import ROOT

RUSHES = ((400, 100), (1000, 500), (1000, 1_000_000))
"""Buyers at once, and seats: the last is plenty."""

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


def layered(bench: Bench) -> int:
    """What each layer of a reservation adds to the empty function."""
    for buyers in (1, 200):
        show(report.layers(layers.measure(bench, buyers), buyers))
    return 0


def rush(bench: Bench) -> int:
    """Many buyers at once, for fewer seats than they are and for plenty."""
    runs = [reserving.rush(bench.product, bench.crowd, buyers=buyers, seats=seats) for buyers, seats in RUSHES]
    show(report.rushes(runs))
    return sum(run.faults for run in runs)


def purchase(bench: Bench) -> int:
    """Whole purchases, and how long the ticket and its mail take once it is paid; so many paid at one moment, too."""
    product, crowd, plan = bench.product, bench.crowd, bench.plan
    measured = [purchasing.measure(product, crowd, buyers=buyers, seconds=plan.purchasing) for buyers in (1, 32)]
    for buyers, times in plan.paid_at_once:
        measured.append(purchasing.at_once(product, crowd, buyers=buyers, times=times))
    show(report.purchases(measured))
    failures = [failure for each in measured for failure in each.failures]
    if failures:
        show(f"The first purchase that failed: {failures[0]}")
    return len(failures)


def chat(bench: Bench) -> int:
    """Purchases in a chat: how long the QRIS takes, and then the ticket."""
    show(report.chats(chatting.measure(bench.product, bench.plan.chats)))
    return 0


def profile(bench: Bench) -> int:
    """A reservation's processor time, by stage."""
    for buyers in (1, 200):
        scenario = Scenario(tiers=1, buyers=buyers)
        with sampling.sampled(bench.product.web.children(), bench.product.folder) as stacks:
            run = reserving.measure(bench.product, bench.crowd, scenario, seconds=2 * bench.plan.reserving)
        show(report.profile(run, buyers, stacks))
    return 0


def journey(bench: Bench) -> int:
    """A flash sale: buyers who come at once, each from the event's page to the ticket."""
    flash = PROFILES["flash"]
    return _load(bench, replace(flash, users=flash.users // bench.plan.share, seats=flash.seats // bench.plan.share))


def sustained(bench: Bench) -> int:
    """Many people for a while."""
    return _load(bench, replace(PROFILES["sustained"], minutes=bench.plan.minutes))


def _load(bench: Bench, profile: Profile) -> int:
    outcome = running.run(profile, Local(bench.product, bench.crowd))
    show(load_report.words(outcome))
    return outcome.faults


def functions(bench: Bench) -> int:
    """The processor time of a whole purchase in each function."""
    with sampling.sampled(bench.product.web.children(), bench.product.folder) as stacks:
        measured = purchasing.measure(bench.product, bench.crowd, buyers=8, seconds=2 * bench.plan.purchasing)
    show(report.by_function(measured, stacks))
    return 0


def tickets(bench: Bench) -> int:
    """The processor time of issuing an order, for one ticket and for ten."""
    show(report.issued(issuing.measure(bench.product, times=bench.plan.reads // 5)))
    return 0


def growth(bench: Bench) -> int:
    """A sale in a database of a thousand orders and in a larger one, in a process of its own."""
    _command("growth", "--rounds", str(bench.plan.reads // 5), "--orders", "1000", str(bench.plan.orders))
    return 0


def import_times(bench: Bench) -> int:
    """The import of each function, and of which packages it consists."""
    imports.show(_started(bench), times=bench.plan.starts)
    return 0


def _started(bench: Bench) -> Collection[str]:
    return imports.warm() if bench.plan.only_warm else manifest().functions


def cold_starts(bench: Bench) -> int:
    """Each function as a process, from its start to its first answer; only the warm ones in a quick run."""
    names = _started(bench)
    product = bench.product
    measured = cold_start.measure(names, product.server, product.folder, times=bench.plan.rounds)
    show(report.cold_starts(measured, {name: cold_start.memory_limit(name) for name in measured}))
    return 0


def cache(bench: Bench) -> int:
    """A visitor's page with and without the shared cache."""
    _command("pages", "--rounds", str(bench.plan.reads))
    return 0


def _command(module: str, *arguments: str) -> None:
    """Print what another benchmark prints, which has settings of its own."""
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments]
    show(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout)


SUSTAINED = "sustained"
"""The part that takes half an hour, and is measured only where it is named."""
PARTS: dict[str, Callable[[Bench], int]] = {
    "reserve": reserve,
    "profile": profile,
    "layers": layered,
    "rush": rush,
    "functions": functions,
    "tickets": tickets,
    "purchase": purchase,
    "chat": chat,
    "journey": journey,
    "imports": import_times,
    "cold-start": cold_starts,
    "cache": cache,
    "growth": growth,
    SUSTAINED: sustained,
}
