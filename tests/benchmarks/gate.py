"""`python -m tests.benchmarks.gate`: how long a scan takes through HTTP, at an event with 25,000 tickets.

    python -m tests.benchmarks.gate [--tickets 25000] [--rounds 300]

Prints p50 and p95 in milliseconds on a product of its own, and their ratio to the bare transaction in SQL on the same
PostgreSQL: the guarded UPDATE of a ticket and the INSERT of its scan. Then what a device without network asks for: the
snapshot, what changed of it, and a batch of a hundred scans.
"""

import argparse
import gzip
import itertools
import os
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import requests
from sqlalchemy import Engine, text

from infra.local.postgres import Postgres
from shared.cloud import clients, secrets
from shared.cloud.database import transaction
from shared.cloud.settings import settings
from shared.identity.tokens import Principal
from tests.factories import Event, a_gate_staff, a_tier, an_event, bearer, codes_of_a_crowd
from tests.folders import a_folder
from tests.stack import Stack, stack_secrets

GATES = 8
WARMING = 20

_TICKETS = text("SELECT id FROM tickets WHERE event_id = :event_id AND status = 'issued' ORDER BY id DESC LIMIT :count")
_USE = text("UPDATE tickets SET status = 'used', validated_at = now() WHERE id = :ticket_id AND status = 'issued'")
_RECORD = text("""
    INSERT INTO scans (id, kind, event_id, ticket_id, staff_id, code_hash, direction, result, is_reentry, is_replaced,
        is_offline, is_admitted, scanned_at, judged_at)
    VALUES (gen_random_uuid(), 'ticket', :event_id, :ticket_id, :staff_id, sha256('code'), 'in', 'valid', false, false,
        false, true, now(), now())
""")


class Gate:
    """A gate of the event, its codes, and its connection to the product."""

    def __init__(self, url: str, event: Event, staff: Principal) -> None:
        self.event = event
        self._url = f"{url}/api/v1"
        self._session = requests.Session()
        self._session.headers.update(bearer(staff))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Send something to the product."""
        answer = self._session.post(f"{self._url}/{path}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def get(self, path: str) -> requests.Response:
        """Ask the product something about the event's gates."""
        answer = self._session.get(f"{self._url}/gate/events/{self.event.id}/{path}", timeout=60)
        answer.raise_for_status()
        return answer

    def scan(self, code: str) -> str:
        """Scan a code; the result."""
        body = {"event_id": str(self.event.id), "qr": code, "gate": "Gerbang A", "scan_id": str(uuid4())}
        result: str = self.post("tickets/scan", body)["result"]
        return result

    def send(self, codes: list[str]) -> Any:
        """Send scans that were decided without network."""
        now = datetime.now(UTC).isoformat()
        scans = [{"scan_id": str(uuid4()), "qr": code, "scanned_at": now, "admitted": True} for code in codes]
        return self.post(f"gate/events/{self.event.id}/scans", {"scans": scans})


def main() -> None:
    """Start, fill, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gate")
    parser.add_argument("--tickets", type=int, default=25_000)
    parser.add_argument("--rounds", type=int, default=300)
    chosen = parser.parse_args()
    with a_folder() as folder:
        stack = Stack(folder, RATE_LIMITS="off")
        try:
            _measure(stack.start(), chosen.tickets, chosen.rounds)
        finally:
            clients.engine().dispose()
            stack.stop()


def _measure(stack: Stack, tickets: int, rounds: int) -> None:
    _use_database_of(stack)
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=tickets)], gates_open=True)
        staff = a_gate_staff(tx, event)
    codes = iter(codes_of_a_crowd(event, tickets))
    gates = [Gate(stack.url, event, staff) for _ in range(GATES)]
    print(f"{tickets} tickets, load before: {os.getloadavg()[0]:.1f}")
    print(f"{'milliseconds':<40}{'p50':>8}{'p95':>8}{'ratio':>8}")
    bare = _times(rounds, _bare(stack.engine("karcis"), event, staff, rounds))
    _line("bare SQL", bare, bare)
    _line("scan, one gate", _times(rounds, lambda: _must_be_valid(gates[0].scan(next(codes)))), bare)
    _line(f"scan, {GATES} gates at once", _at_once(gates, codes, rounds), bare)
    used = next(codes)
    gates[0].scan(used)
    _line("scan of a used ticket", _times(rounds, lambda: gates[0].scan(used)), bare)
    _line("scan of a forged one", _times(rounds, lambda: gates[0].scan("K3.FORGED")), bare)
    _line("counts", _times(20, lambda: gates[0].get("counts")), bare)
    _line("search for a name", _times(20, lambda: gates[0].get("search?q=peserta 12345")), bare)
    _line("snapshot", _times(20, lambda: gates[0].get("snapshot")), bare)
    whole = gates[0].get("snapshot")
    cursor = whole.json()["cursor"]
    _line("what changed since a moment", _times(20, lambda: gates[0].get(f"snapshot?cursor={cursor}")), bare)
    _line("a batch of 100 scans", _times(20, lambda: gates[0].send(list(itertools.islice(codes, 100)))), bare)
    print(f"snapshot: {len(whole.content):,} bytes, {len(gzip.compress(whole.content)):,} compressed")


def _use_database_of(stack: Stack) -> None:
    """Have this process make its rows in the product's database, with the product's keys."""
    os.environ["SHARED_CACHE"] = "off"
    os.environ["DATABASE_URL"] = Postgres(stack.data_dir / "postgres").url("karcis")
    settings.cache_clear()
    secrets.provide({name.lower().replace("_", "-"): value for name, value in stack_secrets().items()})


def _bare(engine: Engine, event: Event, staff: Principal, rounds: int) -> Callable[[], None]:
    values = {"event_id": event.id, "staff_id": staff.id}
    with engine.connect() as connection:
        ids = iter(connection.execute(_TICKETS, {**values, "count": rounds + WARMING}).scalars().all())

    def use_next() -> None:
        ticket_id = next(ids)
        with engine.begin() as tx:
            tx.execute(_USE, {"ticket_id": ticket_id})
            tx.execute(_RECORD, {**values, "ticket_id": ticket_id})

    return use_next


def _must_be_valid(result: str) -> None:
    assert result in ("valid", "already_used"), result


def _at_once(gates: list[Gate], codes: Iterator[str], rounds: int) -> list[float]:
    mine = [[next(codes) for _ in range(rounds // GATES + WARMING)] for _ in gates]

    def work(gate: Gate, its_codes: list[str]) -> list[float]:
        waiting = iter(its_codes)
        return _times(len(its_codes) - WARMING, lambda: _must_be_valid(gate.scan(next(waiting))))

    with ThreadPoolExecutor(GATES) as pool:
        return [each for took in pool.map(work, gates, mine) for each in took]


def _times(rounds: int, act: Callable[[], object]) -> list[float]:
    took = []
    for _ in range(rounds + WARMING):
        began = time.perf_counter()
        act()
        took.append((time.perf_counter() - began) * 1000)
    return took[WARMING:]


def _line(what: str, took: list[float], bare: list[float]) -> None:
    p95 = statistics.quantiles(took, n=20)[-1]
    ratio = p95 / statistics.quantiles(bare, n=20)[-1]
    print(f"{what:<40}{statistics.median(took):>8.1f}{p95:>8.1f}{ratio:>8.1f}", flush=True)


if __name__ == "__main__":
    main()
