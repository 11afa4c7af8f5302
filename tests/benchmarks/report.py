"""Figures as tables that can be pasted into a README."""

from collections.abc import Iterable, Sequence

from tests.benchmarks.purchasing import Purchases
from tests.benchmarks.reserving import Result, Run


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table whose columns are wide enough to be read as it is; the first is left, the others right."""
    lines = [[str(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    lines.insert(1, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])])
    return "\n".join("| " + " | ".join(_aligned(line, widths)) + " |" for line in lines)


def reservations(results: Iterable[Result]) -> str:
    """Throughput, waiting times and cost of reserving, with the ratio to the baseline."""
    heads = [
        "reserve", "buyers at once", "accepted/s", "p50 ms", "p95 ms", "p99 ms",
        "bare SQL/s", "ours : bare SQL", "web CPU ms", "PostgreSQL CPU ms", "oversold", "refused",
    ]  # fmt: skip
    return table(heads, [_reservation(result) for result in results])


def rush(run: Run, *, buyers: int, seats: int) -> str:
    """One sentence about the rush for a few seats."""
    return (
        f"{buyers} buyers at once for {seats} seats: {len(run.load.accepted)} reservations, "
        f"{_kinds(run.load.refusals)}; "
        f"oversold {run.holdings.oversold}; everybody answered within {run.load.seconds * 1000:.0f} ms."
    )


def purchases(measured: Iterable[Purchases]) -> str:
    """Throughput of whole purchases, and the time from paying to ticket and mail."""
    heads = ["purchase", "buyers at once", "purchases/s", "paid to ticket and mail: p50 ms", "p95 ms", "lost"]
    return table(
        heads,
        [
            (
                "reserve to mail", each.buyers, f"{each.per_second:.1f}",
                f"{each.milliseconds(50):.0f}", f"{each.milliseconds(95):.0f}", each.lost,
            )
            for each in measured
        ],
    )  # fmt: skip


def imports(milliseconds: dict[str, float]) -> str:
    """The import time of each function."""
    return table(["import of function", "ms"], [(name, f"{taken:.0f}") for name, taken in milliseconds.items()])


def _reservation(result: Result) -> list[object]:
    run = result.median
    accepted = max(len(run.load.accepted), 1)
    return [
        result.scenario.name,
        result.scenario.buyers,
        f"{run.load.per_second:.0f}",
        *(f"{run.milliseconds(percent):.0f}" for percent in (50, 95, 99)),
        f"{result.baseline:.0f}",
        f"{result.ratio:.2f}",
        f"{run.web_seconds / accepted * 1000:.2f}",
        f"{run.database_seconds / accepted * 1000:.2f}",
        sum(each.holdings.oversold for each in result.runs),
        _kinds(result.refusals),
    ]


def _kinds(refusals: dict[str, int]) -> str:
    return ", ".join(f"{count} × {kind}" for kind, count in sorted(refusals.items())) or "none"


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    first, *others = zip(cells, widths, strict=True)
    return [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
