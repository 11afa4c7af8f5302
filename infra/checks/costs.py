"""Google's charges for a month's tickets, and for a month without sales: `python -m infra.checks.costs PLAN.json`.

What is there is read from a plan as Terraform shows it (`terraform show -json`), what a ticket takes was measured, and
prices are list prices; docs/capacity.md holds the table that this prints of production, current by `make infra-check`.
Prices are in US dollars, without tax and without free tiers, for Jakarta where that is known.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
_CHAT = (
    "service and utility messages since October 2026, quoted alike in four repositories (docs/reference/whatsapp.md)"
)
_USUAL = "a usual list price, not looked up: check it before you rely on it"

PRICES = {
    "cpu": Price(0.000024 * 1.4, "vCPU second", _RUN),
    "memory": Price(0.0000025 * 1.4, "GiB second", _RUN),
    "idle": Price(0.0000025 * 1.4, "vCPU second of a warm instance that waits", _RUN),
    "requests": Price(0.40, "million requests", _RUN),
    "sql_cpu": Price(0.0413 * 1.3, "vCPU hour", _SQL),
    "sql_memory": Price(0.007 * 1.3, "GiB hour", _SQL),
    "sql_disk": Price(0.17 * 1.3, "GiB month", _USUAL),
    "sql_backup": Price(0.08 * 1.3, "GiB month of backups and logs", _USUAL),
    "sql_export": Price(0.016, "GiB month of exports abroad, read next to never (Nearline)", _USUAL),
    "abroad": Price(0.08, "GiB to another region of Asia", _USUAL),
    "balancer": Price(0.025, "hour of the load balancer's first five forwarding rules", _USUAL),
    "policy": Price(5.0, "month of a Cloud Armor policy", _USUAL),
    "rule": Price(1.0, "month of a Cloud Armor rule", _USUAL),
    "key": Price(0.06, "month of a key's version", _USUAL),
    "secret": Price(0.06, "month of a secret's version", _USUAL),
    "scan": Price(0.26, "image that is scanned", _USUAL),
    "images": Price(0.10, "GiB month of images", _USUAL),
    "machine": Price(0.016 * 4, "minute of a machine of four processors in the worker pool", _USUAL),
    "egress": Price(0.12, "GiB to the internet", _USUAL),
    "logs": Price(0.50, "GiB of logs", _USUAL),
    "messages": Price(40.0, "TiB of messages, 1 KiB each at least", _USUAL),
    "chat": Price(0.025, "message in a chat that WhatsApp delivers in Indonesia", _CHAT),
    "mails": Price(0.0009, "mail, of a plan of 100,000", _USUAL),
}

HOURS = 730
DATA_GIB = 25
"""In the database, with indexes: about five million orders."""
BACKUPS = 3
"""How many times that is kept in 30 backups, which hold what has changed, and in seven days of logs."""
NIGHTS, EXPORTS, EXPORT_GIB = 30, 36, 5
"""Exports in a month, those that are kept, and the size of one: compressed SQL without indexes, a fifth of the data."""
COMPARISON_MINUTES = 5
"""How long a machine compares the cloud with what was released, each morning."""
KEY_VERSIONS, SECRET_VERSIONS = 5, 2
"""Kept of each: a year of a key that changes each quarter, and a secret with the one before it."""
RELEASES, RELEASE_MINUTES = 10, 135
"""In a month, and how long machines inside the network work at each: an hour to prove it, and the release."""
SCANS = 2
"""The scans of each image: on demand in the pipeline, and by the registry, which goes on looking."""
IMAGES, IMAGE_GIB = 60, 0.15
"""Thirty in each of the two repositories; an image's own layers, as the base and the packages are shared by many."""
AUDIT_GIB = 5
"""The logs of who read which data (logging.tf), in a month."""

SYNTHETIC_PURCHASES = NIGHTS * 24 * 12 + RELEASES * 600
"""In a month: one every five minutes, and those of the canary. SendGrid counts no mail of theirs."""
PURCHASE_SECONDS = 6
"""How long the function that makes one waits for its ticket and its mail."""

CPU_SECONDS = 2.5
"""The processor time of all functions for one ticket. A purchase takes half a second of one core (README: two cores,
4 purchases a second); five times that is paid for, as instances of small functions wait on others."""
BROWSING = 40
"""Requests for one ticket: lists, details, availability, mostly answered by the CDN."""
KIB = {"answers": 400, "logs": 60, "messages": 8}
"""For one ticket: forty answers and the PDF of 24 KiB twice; forty log lines of a KiB and a half; eight messages."""
MAILS = 3
CHAT_SHARE, CHAT_MESSAGES = 0.1, 6
"""The part of tickets that are bought in a chat, an assumption, and our messages in such a sale, at most."""


Planned = list[tuple[str, Mapping[str, Any]]]
"""Resources of a plan: their type and their values."""


def planned(plan: Mapping[str, Any]) -> Planned:
    """Every resource of a plan that Terraform has shown as JSON."""
    return list(_resources(plan["planned_values"]["root_module"]))


def _resources(module: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for resource in module.get("resources", []):
        yield resource["type"], resource["values"]
    for child in module.get("child_modules", []):
        yield from _resources(child)


def monthly(resources: Planned) -> dict[str, float]:
    """The dollars a month that what is planned costs while nobody buys."""
    functions = _of_type(resources, "google_cloud_run_v2_service")
    policies = _of_type(resources, "google_compute_security_policy")
    jobs = _of_type(resources, "google_cloud_scheduler_job")
    return {
        "Cloud SQL": sum(_database(values) for values in _of_type(resources, "google_sql_database_instance")),
        "backups": DATA_GIB * BACKUPS * price("sql_backup"),
        "exports into the vault": len([each for each in jobs if each["name"] == "export-nightly"]) * _exported(),
        "warm instances": sum(_warm(function) for function in functions),
        "load balancer": HOURS * price("balancer"),
        "Cloud Armor": sum(price("policy") + len(values["rule"]) * price("rule") for values in policies),
        "keys and secrets": len(_of_type(resources, "google_kms_crypto_key")) * KEY_VERSIONS * price("key")
        + len(_of_type(resources, "google_secret_manager_secret")) * SECRET_VERSIONS * price("secret"),
        "images, built and scanned": RELEASES * SCANS * price("scan") + IMAGES * IMAGE_GIB * price("images"),
        "releases": RELEASES * RELEASE_MINUTES * price("machine"),
        "comparison each morning": NIGHTS * COMPARISON_MINUTES * price("machine"),
        "synthetic purchases": _synthetic()
        if any(each["name"] == "synthetic-purchase-purchase" for each in jobs)
        else 0.0,
        "audit logs": AUDIT_GIB * price("logs"),
    }


def _database(instance: Mapping[str, Any]) -> float:
    """The dollars a month of an instance, twice where a second zone has one too."""
    settings = instance["settings"][0]
    _, _, cpus, megabytes = settings["tier"].split("-")  # db-custom-8-32768
    machine = HOURS * (int(cpus) * price("sql_cpu") + int(megabytes) / 1024 * price("sql_memory"))
    zones = 2 if settings["availability_type"] == "REGIONAL" else 1
    return float(zones * (machine + settings["disk_size"] * price("sql_disk")))


def _exported() -> float:
    """The dollars a month of the nightly exports: their way abroad, and what is kept there."""
    return EXPORT_GIB * (NIGHTS * price("abroad") + EXPORTS * price("sql_export"))


def _synthetic() -> float:
    """The dollars a month of the purchases that we make ourselves, of which no mail and no message is sent."""
    costs = by_tickets(SYNTHETIC_PURCHASES)
    bought = sum(dollars for name, dollars in costs.items() if name not in ("mails", "messages in chats"))
    return bought + SYNTHETIC_PURCHASES * PURCHASE_SECONDS * (price("cpu") + 0.5 * price("memory"))


def _warm(function: Mapping[str, Any]) -> float:
    """The dollars a month of the instances of a function that wait for buyers."""
    limits = function["template"][0]["containers"][0]["resources"][0]["limits"]
    gib = int(limits["memory"].removesuffix("Mi")) / 1024
    hourly = 3600 * (float(limits["cpu"]) * price("idle") + gib * price("memory"))
    return float((function["scaling"][0]["min_instance_count"] or 0) * HOURS * hourly)


def _of_type(resources: Planned, kind: str) -> list[Mapping[str, Any]]:
    return [values for found, values in resources if found == kind]


def by_tickets(tickets: int = TICKETS) -> dict[str, float]:
    """The dollars that so many tickets cost on top of that."""
    gib = {name: tickets * kib / 1024**2 for name, kib in KIB.items()}
    return {
        "functions": tickets
        * (CPU_SECONDS * (price("cpu") + 0.5 * price("memory")) + BROWSING * price("requests") / 1_000_000),
        "answers to the internet": gib["answers"] * price("egress"),
        "logs and messages": gib["logs"] * price("logs") + gib["messages"] / 1024 * price("messages"),
        "mails": tickets * MAILS * price("mails"),
        "messages in chats": tickets * CHAT_SHARE * CHAT_MESSAGES * price("chat"),
    }


def table(resources: Planned) -> str:
    """Both, as rows of Markdown."""
    lines = ["| | US$ | Rp |", "|---|---:|---:|"]
    for title, costs in (("a month, without a sale", monthly(resources)), (f"{TICKETS:,} tickets", by_tickets())):
        lines += [_row(name, dollars) for name, dollars in costs.items()]
        lines.append(_row(f"**{title}**", sum(costs.values())))
    return "\n".join(lines)


def price(name: str) -> float:
    """The list price in dollars."""
    return PRICES[name].dollars


def _row(name: str, dollars: float) -> str:
    rupiah = f"{round(dollars * RUPIAH_PER_DOLLAR, -3):,.0f}".replace(",", ".")
    return f"| {name} | {dollars:,.2f} | {rupiah} |"


def main() -> int:
    """Print the table of a plan."""
    if len(sys.argv) != 2:
        sys.stdout.write(f"{__doc__}\n")
        return 2
    plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.stdout.write(f"{table(planned(plan))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
