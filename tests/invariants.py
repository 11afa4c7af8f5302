"""The promises of a sale, asked of a running product: of its database, its gateways and its cloud.

While messages are under way some of them are not kept yet, so `all_kept` gives the product a moment.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import requests
from sqlalchemy import Connection, text

from infra.checks.invariants import ALWAYS, AT_REST, broken
from shared.accounting import ledger
from tests.stack import Stack
from tests.waiting import PATIENCE_SECONDS, until

GATEWAYS = ("xendit", "midtrans")

_CLEARING = text("""
    SELECT COALESCE(sum(e.amount), 0) FROM ledger_entries e JOIN ledger_postings p ON p.id = e.posting_id
    WHERE e.account = 'gateway_clearing:' || :gateway AND p.kind <> ALL(:kinds)
""")
"""The amounts booked as taken in and given back there; fees and arrivals at the bank stand in settlement reports."""


def all_kept(stack: Stack, *, seconds: float = PATIENCE_SECONDS) -> None:
    """Give the product `seconds` to come to rest, then hold it to every promise."""
    unkept: dict[str, Sequence[Any]] = {}

    def are_kept() -> bool:
        unkept.clear()
        unkept.update(_broken(stack))
        return not unkept

    try:
        until(are_kept, seconds=seconds)
    except AssertionError:
        lines = [f"{promise}: {found}" for promise, found in unkept.items()]
        raise AssertionError("broken promises:\n" + "\n".join(lines)) from None


def _broken(stack: Stack) -> dict[str, Sequence[Any]]:
    """The rows that contradict each promise that is not kept; only what is on its way, as long as something is."""
    if waited_for := _on_its_way(stack.cloud_url):
        return {"nothing is on its way": waited_for}
    with stack.database() as database, database.connect() as connection:
        found = broken(connection, ALWAYS | AT_REST)
        found["the books hold what the gateways moved"] = _money_not_booked(connection, stack.url)
    found["nothing is on its way"] = _on_its_way(stack.cloud_url)
    return {promise: rows for promise, rows in found.items() if rows}


def _money_not_booked(connection: Connection, url: str) -> list[str]:
    """The gateways whose clearing account differs from what they say they have moved, in rupiah."""
    differences = []
    for gateway in GATEWAYS:
        items = requests.get(f"{url}/simulators/{gateway}/transactions", timeout=PATIENCE_SECONDS).json()["items"]
        values = {"gateway": gateway, "kinds": list(ledger.SETTLEMENT_KINDS)}
        of_sales = [item for item in items if item["kind"] != "withdrawal"]
        moved, booked = sum(item["amount"] for item in of_sales), connection.scalar(_CLEARING, values)
        if moved != booked:
            differences.append(f"{gateway} moved {moved}, booked are {booked}")
    return differences


def _on_its_way(cloud_url: str) -> list[str]:
    """Messages not taken yet, and tasks and webhooks that are due."""
    state = requests.get(f"{cloud_url}/state.json", timeout=PATIENCE_SECONDS).json()
    messages = [each for each in state["subscriptions"] if each["push_endpoint"] and each["backlog"]]
    tasks = [task for queue in state["queues"] for task in queue["tasks"]]
    due = [each for each in (*tasks, *state["webhooks"]) if datetime.fromisoformat(each["due_at"]) <= datetime.now(UTC)]
    return [str(each) for each in (*messages, *due)]
