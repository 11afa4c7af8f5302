"""Figures as tables that can be pasted into a README."""

import statistics
from collections.abc import Iterable, Mapping, Sequence

from tests.benchmarks import stages
from tests.benchmarks.imports import Import
from tests.benchmarks.purchasing import Purchases
from tests.benchmarks.reserving import Result, Run
from tests.benchmarks.sampling import Stack

_HOTTEST = 12


def reservations(results: Iterable[Result]) -> str:
    """Throughput, waiting times and cost of reserving, with the ratio to the baseline."""
    heads = ("reserve", "buyers", "per second", "p50 ms", "p95 ms", "p99 ms", "bare SQL per second", "ratio")
    costs = ("web CPU ms", "PostgreSQL CPU ms", "oversold", "lost", "errors")
    return _table((*heads, *costs), [_reservation(result) for result in results])


def beside_empty(results: Iterable[Result]) -> str:
    """Throughput and processor time of reserving, with their ratios to a function that does nothing."""
    heads = ("reserve", "buyers", "per second", "empty per second", "ratio", "web CPU ms", "empty CPU ms", "ratio")
    return _table(heads, [_beside_empty(result) for result in results])


def profile(run: Run, buyers: int, stacks: Sequence[Stack]) -> str:
    """The processor time of a reservation in each stage, and the functions that use most of it."""
    counted, total = stages.by_stage(stacks), max(len(stacks), 1)
    staged = [
        (name, f"{counted[name] / total * run.web_milliseconds:.3f}", f"{counted[name] / total:.0%}")
        for name in stages.ALL_STAGES
    ]
    hottest = [(title, f"{count / total:.0%}") for title, count in stages.hottest(stacks, _HOTTEST)]
    title = (
        f"{buyers} buyers: {run.load.per_second:.0f} reservations a second, {run.web_milliseconds:.2f} ms of the web's "
        f"processor each; {len(stacks)} samples"
    )
    staged_table = _table(("stage", "web CPU ms", "share"), staged)
    return f"{title}\n\n{staged_table}\n\n{_table(('innermost function', 'share'), hottest)}"


def rush(run: Run, *, seats: int) -> str:
    """One sentence about a rush for a few seats."""
    buyers = len(run.load.accepted) + run.load.refusals.total()
    return (
        f"{buyers} buyers at once for {seats} seats: {len(run.load.accepted)} reservations, "
        f"{_kinds(run.load.refusals)}; oversold {run.holdings.oversold}; "
        f"the last answer after {run.load.seconds * 1000:.0f} ms."
    )


def purchases(measured: Iterable[Purchases]) -> str:
    """Throughput of whole purchases, and the time from paying to ticket and mail."""
    heads = ("whole purchase", "buyers", "per second", "paid to ticket and mail: p50 ms", "p95 ms", "failed")
    return _table(heads, [_purchase(each) for each in measured])


def imports(measured: Mapping[str, Import]) -> str:
    """The import time of each function."""
    rows = [(name, f"{taken.clock:.0f}", f"{taken.processor:.0f}") for name, taken in measured.items()]
    return _table(("import of function", "ms", "CPU ms"), rows)


def _reservation(result: Result) -> Sequence[object]:
    run = result.median
    return [
        result.scenario.name,
        result.scenario.buyers,
        f"{run.load.per_second:.0f}",
        *(f"{run.milliseconds(percent):.0f}" for percent in (50, 95, 99)),
        f"{statistics.median(result.bare):.0f}",
        f"{result.to_bare:.2f}",
        f"{run.web_milliseconds:.2f}",
        f"{run.database_milliseconds:.2f}",
        sum(each.holdings.oversold for each in result.runs),
        sum(each.lost for each in result.runs),
        _kinds(result.refusals),
    ]


def _beside_empty(result: Result) -> Sequence[object]:
    return [
        result.scenario.name,
        result.scenario.buyers,
        f"{result.median.load.per_second:.0f}",
        f"{statistics.median(each.load.per_second for each in result.empty):.0f}",
        f"{result.to_empty:.2f}",
        f"{result.median.web_milliseconds:.2f}",
        f"{statistics.median(each.milliseconds for each in result.empty):.2f}",
        f"{result.processor_to_empty:.1f}",
    ]


def _purchase(measured: Purchases) -> Sequence[object]:
    times = [f"{measured.milliseconds(percent):.0f}" for percent in (50, 95)]
    return ["reserve to mail", measured.buyers, f"{measured.per_second:.1f}", *times, len(measured.failures)]


def _kinds(refusals: Mapping[str, int]) -> str:
    return ", ".join(f"{count} × {kind}" for kind, count in sorted(refusals.items())) or "none"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table that can be read as it is: the first column to the left, the others to the right."""
    lines = [[str(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])])
    return "\n".join(f"| {' | '.join(_aligned(line, widths))} |" for line in lines)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [cells[0].ljust(widths[0]), *map(str.rjust, cells[1:], widths[1:])]
