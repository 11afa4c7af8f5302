"""Repeat a transaction on many connections: by pgbench, or by threads where there is no pgbench.

A transaction's statements know two variables: `:tier`, a number from 1, and `:order`, a large random one.
"""

import os
import random
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import pg8000.native
from sqlalchemy import make_url

from infra.local.postgres import Postgres

Transaction = tuple[str, ...]

_LARGEST_ORDER = 9_000_000_000_000_000_000


class Tool(Protocol):
    """Repeats a transaction."""

    name: str

    def run(self, transaction: Transaction, *, clients: int, tiers: int, seconds: int) -> float:
        """Transactions per second."""


def tool(server: Postgres, database: str, folder: Path) -> Tool:
    """The best tool there is on this machine for a database of `server`; it may write to `folder`."""
    program = next((place for place in _places(server.bin_dir) if place.exists()), None)
    return Pgbench(program, server.libpq_url(database), folder) if program else Threads(server.url(database))


class Pgbench:
    """PostgreSQL's own, with statements prepared once per connection."""

    def __init__(self, program: Path, url: str, folder: Path) -> None:
        self._program = program
        self._url = url
        self._script = folder / "reserve.sql"
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        self.name = f"pgbench {version.split()[-1]}, prepared statements"

    def run(self, transaction: Transaction, *, clients: int, tiers: int, seconds: int) -> float:
        """Transactions per second, without the time to connect. Raises CalledProcessError where one fails."""
        chosen = [rf"\set tier random(1, {tiers})", rf"\set order random(1, {_LARGEST_ORDER})"]
        statements = [" ".join(statement.split()) + ";" for statement in ("BEGIN", *transaction, "COMMIT")]
        self._script.write_text("\n".join([*chosen, *statements]) + "\n")
        threads = str(min(clients, os.cpu_count() or 1))
        how = ["-n", "-M", "prepared", "-c", str(clients), "-j", threads, "-T", str(seconds), "-f", str(self._script)]
        told = subprocess.run([self._program, *how, self._url], capture_output=True, text=True, check=True).stdout
        found = re.search(r"^tps = ([\d.]+)", told, re.MULTILINE)
        if found:
            return float(found[1])
        # Many clients of one row may need longer until the first is through, on a busy machine.
        return self.run(transaction, clients=clients, tiers=tiers, seconds=2 * seconds)


class Threads:
    """A thread and a pg8000 connection for each client: slower than pgbench, as they share one Python."""

    name = "threads with pg8000 and prepared statements, as there is no pgbench here"

    def __init__(self, url: str) -> None:
        self._url = make_url(url)

    def run(self, transaction: Transaction, *, clients: int, tiers: int, seconds: int) -> float:
        """Transactions per second, from the moment all clients are connected."""
        ready = threading.Barrier(clients)

        def client() -> tuple[float, int]:
            connection = pg8000.native.Connection(
                self._url.username, unix_sock=self._url.query["unix_sock"], database=self._url.database
            )
            prepared = [connection.prepare(statement) for statement in transaction]
            ready.wait()
            begun = time.perf_counter()
            done = 0
            while time.perf_counter() - begun < seconds:
                chosen = {"tier": random.randint(1, tiers), "order": random.randint(1, _LARGEST_ORDER)}
                connection.run("BEGIN")
                for statement in prepared:
                    statement.run(**chosen)
                connection.run("COMMIT")
                done += 1
            connection.close()
            return time.perf_counter() - begun, done

        with ThreadPoolExecutor(clients) as pool:
            ended = [each.result() for each in [pool.submit(client) for _ in range(clients)]]
        return sum(done for _, done in ended) / max(took for took, _ in ended)


def _places(bin_dir: Path) -> Iterator[Path]:
    """The places of pgbench: beside the server's programs, in Debian's versions (newest first), on the PATH."""
    yield bin_dir / "pgbench"
    versions = [path for path in Path("/usr/lib/postgresql").glob("*/bin/pgbench") if path.parts[4].isdigit()]
    yield from sorted(versions, key=lambda path: int(path.parts[4]), reverse=True)
    if on_path := shutil.which("pgbench"):
        yield Path(on_path)
