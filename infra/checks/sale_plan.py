"""The instances, connections and money that a rush needs: `python -m infra.checks.sale_plan`.

    python -m infra.checks.sale_plan [--tickets 100000] [--minutes 10]

What one ticket takes of each function was measured (docs/performance.md says how, and on what), how large an instance
is stands in functions/manifest.yaml, and prices are those of infra/checks/costs.py. The plan is computed, and then
tried by a simulation of every request in virtual time (infra/checks/sale_simulation.py), with a half of it beside.
"""

import argparse
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from functions.manifest import manifest
from infra.checks import costs, sale_simulation
from infra.checks.sale_simulation import Experience, Request, Station, Trial

TICKETS, MINUTES = 100_000, 10
UTILISATION = 0.5
"""How busy processors may be on average: the rest is for what comes unevenly, and for a core slower than ours."""
WARM_MINUTES = 30
"""How long before the sale its instances are kept warm."""
MAX_CONNECTIONS, RESERVED_CONNECTIONS = 1_000, 30
"""The connections of the database, and those of them for who is no function (infra/terraform/variables.tf)."""


@dataclass(frozen=True)
class Work:
    """A ticket's use of a function: requests, and each one's milliseconds of a core and of waiting for others."""

    requests: float
    processor: float
    waiting: float
    waits_for: str


PER_TICKET: Mapping[str, Work] = {
    "reserve": Work(1, 2.9, 20, "its batch's statement"),
    "checkout": Work(1, 14, 1_000, "the gateway that makes an invoice: an assumption"),
    "webhook": Work(1, 32, 300, "the gateway that is asked what was paid: an assumption"),
    "issue_ticket": Work(1, 45, 150, "Cloud Storage: an assumption"),
    "send_email": Work(2, 15, 300, "the mail service: an assumption"),
    "orders": Work(5, 1.5, 2, "the database"),
    "tickets": Work(1, 4.7, 50, "Cloud Storage: an assumption"),
    "mail_events": Work(2, 2.9, 2, "the database"),
}
"""In the order of a purchase. Pages come from the CDN; who buys has signed in before (docs/capacity.md)."""
DATABASE_PROCESSOR = 20.0
"""Milliseconds of PostgreSQL's processor for a ticket, in all of them together: an estimate. The server of a local run
uses 44 to 88, which is for the local cloud's topics, tasks and files too."""


@dataclass(frozen=True)
class Need:
    """The instances of a function that a rate of tickets needs, beside what the manifest allows."""

    function: str
    requests_per_second: float
    instances: int
    allowed: int
    connections: int
    dollars: float


def needs(tickets: int, minutes: float) -> list[Need]:
    """The needs of each function for so many tickets in so many minutes, at an even rate (the waiting room's)."""
    return [_need(name, work, tickets / minutes / 60, minutes) for name, work in PER_TICKET.items()]


def _need(name: str, work: Work, tickets_per_second: float, minutes: float) -> Need:
    sizing = manifest().functions[name].sizing
    rate = tickets_per_second * work.requests
    for_processor = rate * work.processor / 1000 / sizing["cpu"] / UTILISATION
    for_places = rate * (work.processor / UTILISATION + work.waiting) / 1000 / sizing["concurrency"] / UTILISATION
    instances = max(math.ceil(max(for_processor, for_places)), 1)
    return Need(
        name,
        rate,
        instances,
        sizing["max_instances"],
        instances * sizing["pool_size"],
        _dollars(instances, sizing, minutes),
    )


def _dollars(instances: int, sizing: Mapping[str, int], minutes: float) -> float:
    """The instances while they sell, and before that while they wait."""
    gib = sizing["memory_mb"] / 1024
    selling = sizing["cpu"] * costs.price("cpu") + gib * costs.price("memory")
    waiting = sizing["cpu"] * costs.price("idle") + gib * costs.price("memory")
    return instances * 60 * (minutes * selling + WARM_MINUTES * waiting)


def database_cores(tickets: int, minutes: float) -> float:
    """The processors of the database that are half busy with that."""
    return tickets / minutes / 60 * DATABASE_PROCESSOR / 1000 / UTILISATION


def money(tickets: int, minutes: float) -> dict[str, float]:
    """The dollars of such a sale on top of a month without one."""
    by_tickets = costs.by_tickets(tickets)
    instances = sum(need.dollars for need in needs(tickets, minutes))
    return {"instances, warm and selling": instances} | {
        name: dollars for name, dollars in by_tickets.items() if name != "functions"
    }


def stations(tickets: int, minutes: float, share: float = 1) -> tuple[list[Station], Station]:
    """The planned functions, or a share of their instances, and the database, for the simulation."""
    planned = {need.function: max(round(need.instances * share), 1) for need in needs(tickets, minutes)}
    sizes = {name: manifest().functions[name].sizing for name in planned}
    functions = [
        Station(name, count * sizes[name]["cpu"], count * sizes[name]["concurrency"]) for name, count in planned.items()
    ]
    cores = math.ceil(database_cores(tickets, minutes))
    return functions, Station("database", cores, MAX_CONNECTIONS)


def journey() -> list[Request]:
    """The requests of one ticket, in their order."""
    each = DATABASE_PROCESSOR / sum(work.requests for work in PER_TICKET.values())
    return [
        Request(name, work.processor / 1000, each / 1000, work.waiting / 1000)
        for name, work in PER_TICKET.items()
        for _ in range(round(work.requests))
    ]


def connections(tickets: int, minutes: float) -> int:
    """The database's connections with all functions scaled out, and one instance more of each during a release."""
    planned = {need.function: need.instances for need in needs(tickets, minutes)}
    sizes = {name: function.sizing for name, function in manifest().functions.items()}
    most = {name: max(size["max_instances"], planned.get(name, 0)) for name, size in sizes.items()}
    return RESERVED_CONNECTIONS + sum((most[name] + 1) * size["pool_size"] for name, size in sizes.items())


def trial(tickets: int, minutes: float, share: float = 1) -> Trial:
    """The sale, simulated with the planned instances or with a share of them."""
    return sale_simulation.run(*stations(tickets, minutes, share), journey(), tickets=tickets, seconds=minutes * 60)


def plan_table(tickets: int, minutes: float) -> str:
    """The plan as Markdown."""
    planned = needs(tickets, minutes)
    heads = ("function", "requests a second", "instances", "the manifest allows", "their connections", "US$")
    return "\n\n".join(
        [
            _table(heads, [_planned(need) for need in planned]),
            f"{sum(need.instances for need in planned)} instances; {connections(tickets, minutes)} of "
            f"{MAX_CONNECTIONS:,} connections with all other functions; "
            f"{database_cores(tickets, minutes):.1f} processors of the database, half busy.",
            _table(("on top of a month without a sale", "US$"), list(_priced(money(tickets, minutes)))),
        ]
    )


def _planned(need: Need) -> Sequence[object]:
    return (
        need.function,
        f"{need.requests_per_second:,.0f}",
        need.instances,
        need.allowed,
        need.connections,
        f"{need.dollars:.2f}",
    )


def _priced(dollars: Mapping[str, float]) -> Iterator[Sequence[object]]:
    yield from ((name, f"{each:,.2f}") for name, each in dollars.items())
    yield "**all**", f"{sum(dollars.values()):,.2f}"


def trial_table(tried: Trial) -> str:
    """A simulation as Markdown."""
    heads = ("simulated", "busy", "p50 ms", "p95 ms", "p99 ms", "longest queue")
    last = f"{tried.finished:,} tickets; the last is there {tried.after_sale:.0f} s after the last buyer came."
    return f"{_table(heads, [_tried(name, each) for name, each in tried.functions.items()])}\n\n{last}"


def _tried(name: str, each: Experience) -> Sequence[object]:
    times = (f"{seconds * 1000:,.0f}" for seconds in each.percentiles)
    return (name, f"{each.busy:.0%}", *times, f"{each.longest_queue:,}")


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [heads, ["---", *("---:" for _ in heads[1:])], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def main() -> int:
    """Print the plan of a sale."""
    parser = argparse.ArgumentParser(prog="python -m infra.checks.sale_plan")
    parser.add_argument("--tickets", type=int, default=TICKETS)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    chosen = parser.parse_args()
    sys.stdout.write(f"{plan_table(chosen.tickets, chosen.minutes)}\n\n")
    for share, title in ((1, "As planned"), (0.5, "With half of the instances")):
        sys.stdout.write(f"{title}:\n\n{trial_table(trial(chosen.tickets, chosen.minutes, share))}\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
