"""Google's charges for a month's tickets, and for a month without sales: `python -m infra.checks.costs`.

An estimate to plan by, out of list prices and measured work; docs/capacity.md holds the table that this prints.
Prices are in US dollars, without tax and without free tiers, for Jakarta where that is known.
"""

import sys
from dataclasses import dataclass

from functions.manifest import manifest

TICKETS = 10_000
RUPIAH_PER_DOLLAR = 16_500
"""An assumption to be replaced by the day's rate."""


@dataclass(frozen=True)
class Price:
    """A list price in dollars, and where it was read."""

    dollars: float
    unit: str
    source: str


_RUN = "cloud.google.com/run/pricing (a stored copy without a date): tier 1, times 1.4 for tier 2, where Jakarta is"
_SQL = "usage.ai quoting cloud.google.com/sql/pricing, May 2026: Iowa, times 1.3, as Asia is 20 to 40 % dearer there"
_USUAL = "a usual list price, not looked up: check it before you rely on it"

PRICES = {
    "cpu": Price(0.000024 * 1.4, "vCPU second", _RUN),
    "memory": Price(0.0000025 * 1.4, "GiB second", _RUN),
    "idle": Price(0.0000025 * 1.4, "vCPU second of a warm instance that waits", _RUN),
    "requests": Price(0.40, "million requests", _RUN),
    "sql_cpu": Price(0.0413 * 1.3, "vCPU hour", _SQL),
    "sql_memory": Price(0.007 * 1.3, "GiB hour", _SQL),
    "sql_disk": Price(0.17 * 1.3, "GiB month", _USUAL),
    "balancer": Price(0.025, "hour of the load balancer's first five rules", _USUAL),
    "armor": Price(5.0, "month and policy; rules a dollar each", _USUAL),
    "egress": Price(0.12, "GiB to the internet", _USUAL),
    "logs": Price(0.50, "GiB of logs", _USUAL),
    "messages": Price(40.0, "TiB of messages, 1 KiB each at least", _USUAL),
    "mails": Price(0.0009, "mail, of a plan of 100,000", _USUAL),
}

HOURS = 730
SQL_CPUS, SQL_GIB, SQL_DISK_GIB = 8, 32, 50
"""db-custom-8-32768, the default of production; regional, so each twice."""
POLICIES, RULES = 3, 12

CPU_SECONDS = 2.5
"""Of all functions, for one ticket. A purchase takes half a second of one core (README: two cores, 4 purchases a
second); five times that is paid for, as instances of small functions wait on others."""
BROWSING = 40
"""Requests for one ticket: lists, details, availability, mostly answered by the CDN."""
KIB = {"answers": 400, "logs": 60, "messages": 8}
"""For one ticket: forty answers and the PDF of 24 KiB twice; forty log lines of a KiB and a half; eight messages."""
MAILS = 3


def monthly() -> dict[str, float]:
    """The dollars a month that the product costs while nobody buys."""
    return {
        "Cloud SQL, regional": 2
        * (HOURS * (SQL_CPUS * _of("sql_cpu") + SQL_GIB * _of("sql_memory")) + SQL_DISK_GIB * _of("sql_disk")),
        "warm instances": _warm_instances() * HOURS * 3600 * (_of("idle") + 0.5 * _of("memory")),
        "load balancer, Cloud Armor": HOURS * _of("balancer") + POLICIES * _of("armor") + RULES,
    }


def by_tickets(tickets: int = TICKETS) -> dict[str, float]:
    """The dollars that so many tickets cost on top of that."""
    gib = {name: tickets * kib / 1024**2 for name, kib in KIB.items()}
    return {
        "functions": tickets
        * (CPU_SECONDS * (_of("cpu") + 0.5 * _of("memory")) + BROWSING * _of("requests") / 1_000_000),
        "answers to the internet": gib["answers"] * _of("egress"),
        "logs and messages": gib["logs"] * _of("logs") + gib["messages"] / 1024 * _of("messages"),
        "mails": tickets * MAILS * _of("mails"),
    }


def table() -> str:
    """Both, as rows of Markdown."""
    lines = ["| | US$ | Rp |", "|---|---:|---:|"]
    for title, costs in (("a month, without a sale", monthly()), (f"{TICKETS:,} tickets", by_tickets())):
        lines += [_row(name, dollars) for name, dollars in costs.items()]
        lines.append(_row(f"**{title}**", sum(costs.values())))
    return "\n".join(lines)


def _warm_instances() -> int:
    """The instances that always wait for buyers."""
    return sum(function.sizing["min_instances"] for function in manifest().functions.values())


def _of(name: str) -> float:
    return PRICES[name].dollars


def _row(name: str, dollars: float) -> str:
    rupiah = f"{round(dollars * RUPIAH_PER_DOLLAR, -3):,.0f}".replace(",", ".")
    return f"| {name} | {dollars:,.2f} | {rupiah} |"


def main() -> int:
    """Print the table."""
    sys.stdout.write(f"{table()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
