"""Figures as tables that can be pasted into a README."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from tests.benchmarks import chatting, stages
from tests.benchmarks.chatting import Chats
from tests.benchmarks.purchasing import Purchases
from tests.benchmarks.reserving import Result, Run
from tests.benchmarks.sampling import Stack

if TYPE_CHECKING:  # these print with this module
    from tests.benchmarks.cold_start import ColdStart
    from tests.benchmarks.imports import Import

_HOTTEST = 12


def reservations(results: Iterable[Result]) -> str:
    """Throughput, waiting times and cost of reserving, with the ratio to the baseline."""
    heads = ("reserve", "buyers", "per second", "p50 ms", "p95 ms", "p99 ms", "bare SQL per second", "ratio")
    costs = ("web CPU ms", "PostgreSQL CPU ms", "oversold", "lost", "errors")
    return table((*heads, *costs), [_reservation(result) for result in results])


def beside_empty(results: Iterable[Result]) -> str:
    """Throughput and processor time of reserving, with their ratios to a function that does nothing."""
    heads = ("reserve", "buyers", "per second", "empty per second", "ratio", "web CPU ms", "empty CPU ms", "ratio")
    return table(heads, [_beside_empty(result) for result in results])


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
    staged_table = table(("stage", "web CPU ms", "share"), staged)
    return f"{title}\n\n{staged_table}\n\n{table(('innermost function', 'share'), hottest)}"


def layers(measured: Mapping[str, float], buyers: int) -> str:
    """The web's processor time of each layer, with its ratio to the first, which is the empty function."""
    empty = next(iter(measured.values()))
    rows = [(words, f"{each:.2f}", f"{each / empty:.1f}") for words, each in measured.items()]
    return table((f"{buyers} at a time", "web CPU ms", "ratio"), rows)


def by_function(purchases: Purchases, stacks: Sequence[Stack]) -> str:
    """The web's processor time of a purchase in each function: what its handlers have of the samples."""
    counted = stages.by_function(stacks)
    each = purchases.web_seconds / max(len(purchases.deliveries), 1) * 1000
    shares = [(name, count / counted.total()) for name, count in counted.most_common()]
    title = f"{len(purchases.deliveries)} whole purchases, {each:.0f} ms of the web's processor each"
    rows = [(name, f"{share * each:.1f}", f"{share:.0%}") for name, share in shares]
    return f"{title}\n\n{table(('function', 'web CPU ms', 'share'), rows)}"


def issued(measured: Mapping[int, float]) -> str:
    """The processor time of an order by the number of its tickets, and its ratio to that of one ticket."""
    rows = [(tickets, f"{taken:.1f}", f"{taken / measured[1]:.1f}") for tickets, taken in measured.items()]
    return table(("tickets of an order", "CPU ms", "ratio"), rows)


def rushes(runs: Sequence[Run]) -> str:
    """Of buyers who come at once: who got a reservation, who was refused, and how long they waited for either."""
    heads = ("at once", "seats", "reserved", "refused", "p50 ms", "p95 ms", "last ms", "oversold", "lost", "errors")
    return table(heads, [_rush(run) for run in runs])


def _rush(run: Run) -> Sequence[object]:
    answered = sorted(run.load.answered)
    percents = statistics.quantiles(answered, n=100, method="inclusive")
    return [
        len(answered),
        run.seats,
        len(run.load.accepted),
        _kinds(run.load.refusals),
        *(f"{seconds * 1000:.0f}" for seconds in (percents[49], percents[94], answered[-1])),
        run.holdings.oversold,
        run.lost,
        run.load.broken,
    ]


def purchases(measured: Sequence[Purchases]) -> str:
    """Throughput of purchases, and the time from paying to ticket and mail, and its p95 by that of one."""
    heads = ("purchase", "at once", "per second", "paid to ticket and mail: p50 ms", "p95 ms", "ratio")
    costs = ("web CPU ms", "PostgreSQL CPU ms", "generator CPU ms", "failed")
    alone = {each.name: each.milliseconds(95) for each in measured if each.buyers == 1}
    return table((*heads, *costs), [_purchase(each, alone[each.name]) for each in measured])


def chats(measured: Chats) -> str:
    """The time from the first message to the QRIS, and from the payment to the ticket, and what each purchase costs."""
    purchases = len(measured.to_qris)
    rows = [
        (name, purchases, *(f"{chatting.milliseconds(seconds, percent):.0f}" for percent in (50, 95)))
        for name, seconds in (("message to QRIS", measured.to_qris), ("paid to ticket", measured.to_ticket))
    ]
    cost = f"{1000 * measured.web_seconds / purchases:.0f} ms of processor in the web workers"
    return (
        table(("in a chat", "purchases", "p50 ms", "p95 ms"), rows)
        + f"\n\n{measured.messages} messages of ours each; {cost}, "
        f"{1000 * measured.database_seconds / purchases:.0f} ms in PostgreSQL."
    )


def imports(measured: Mapping[str, Import]) -> str:
    """The import time of each function, with its ratio to the first: what every function imports."""
    first = next(iter(measured.values())).processor
    rows = [
        (name, f"{taken.clock:.0f}", f"{taken.processor:.0f}", f"{taken.processor / first:.1f}")
        for name, taken in measured.items()
    ]
    return table(("import of", "ms", "CPU ms", "ratio"), rows)


def packages(measured: Mapping[str, Counter[str]]) -> str:
    """The milliseconds that packages take to be imported, for several functions, without those of theirs below 1 %."""
    totals = sum(measured.values(), Counter())
    shown = [package for package, microseconds in totals.most_common() if microseconds > totals.total() / 100]
    rows: list[Sequence[object]] = [
        (package, *(f"{counted[package] / 1000:.0f}" for counted in measured.values())) for package in shown
    ]
    rows.append(("all", *(f"{counted.total() / 1000:.0f}" for counted in measured.values())))
    return table(("package, ms of -X importtime", *measured), rows)


def cold_starts(measured: Mapping[str, ColdStart], limits: Mapping[str, int | None]) -> str:
    """Each function's start, with the ratio of its processor time to the empty function's."""
    first = next(iter(measured.values())).processor
    heads = ("start of", "first answer ms", "CPU ms", "ratio", "first query ms", "memory MB", "limit MB")
    return table(heads, [_cold_start(name, each, first, limits[name]) for name, each in measured.items()])


def _cold_start(name: str, start: ColdStart, first: float, limit: int | None) -> Sequence[object]:
    times = (f"{start.answer * 1000:.0f}", f"{start.processor * 1000:.0f}", f"{start.processor / first:.1f}")
    return (name, *times, f"{start.ready * 1000:.0f}", f"{start.megabytes:.0f}", limit or "")


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


def _purchase(measured: Purchases, alone: float) -> Sequence[object]:
    each = max(len(measured.deliveries), 1) / 1000
    return [
        measured.name,
        measured.buyers,
        f"{measured.per_second:.1f}",
        *(f"{measured.milliseconds(percent):.0f}" for percent in (50, 95)),
        f"{measured.milliseconds(95) / alone:.1f}",
        f"{measured.web_seconds / each:.0f}",
        f"{measured.database_seconds / each:.0f}",
        f"{measured.generator_seconds / each:.0f}",
        len(measured.failures),
    ]


def _kinds(refusals: Mapping[str, int]) -> str:
    return ", ".join(f"{count} × {kind}" for kind, count in sorted(refusals.items())) or "none"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table that can be read as it is: the first column to the left, the others to the right."""
    lines = [[str(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])])
    return "\n".join(f"| {' | '.join(_aligned(line, widths))} |" for line in lines)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [cells[0].ljust(widths[0]), *map(str.rjust, cells[1:], widths[1:])]
