"""The whole product, as `make run` starts it, in a process group of its own."""

import contextlib
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, TextIO

import psutil
import requests
from sqlalchemy import Engine, TextClause, text

from functions.manifest import manifest
from infra.local import run
from infra.local.layout import HOST, PROCESSES_FILE, free_port
from infra.local.postgres import Postgres
from tests import forked, migrated_cluster, outside, processes
from tests.log_scanner import scanner
from tests.waiting import PATIENCE_SECONDS, until

ROOT = Path(__file__).parent.parent
ANSWER_SECONDS = 300.0
"""Longer than any request waits for others, one after the other and each with our TIMEOUT_FACTOR."""

KEYS = {
    "XENDIT_API_KEY": "xnd_development_stack",
    "XENDIT_CALLBACK_TOKEN": "stack-callback-token",
    "MIDTRANS_SERVER_KEY": "SB-Mid-server-stack",
    "MIDTRANS_CLIENT_KEY": "SB-Mid-client-stack",
    "SENDGRID_API_KEY": "SG.stack",
    "JWT_SIGNING_KEY": "stack-only-jwt-signing-key-of-enough-length",
    "FIELD_ENCRYPTION_KEY": "stack-only-field-encryption-key",
}


def stack_secrets() -> dict[str, str]:
    """Every secret of the manifest, by its environment variable: known, so that tests can look for them in logs.

    The key of SendGrid's webhook is public, and the simulator's own.
    """
    names = [name.upper().replace("-", "_") for name in manifest().secrets if name != "sendgrid-webhook-key"]
    return {name: f"stack-only-{name.lower()}-of-enough-length" for name in names} | KEYS


class Stack:
    """A running product on `data_dir`. `url` is its address; settings are environment variables.

    `by_command` starts it as a new user does, though that imports all anew and makes a new database; `main` is what
    runs it otherwise.
    """

    def __init__(
        self, data_dir: Path, *, by_command: bool = False, main: Callable[[], int] = run.main, **settings: str
    ) -> None:
        self.data_dir = data_dir
        self._by_command = by_command
        self._main = forked.command("infra.local.run") if by_command else main
        self._settings = settings
        self._process: ForkServerProcess | None = None
        self._reader: threading.Thread | None = None
        self._lines: list[str] = []
        self._engines: dict[str, Engine] = {}
        self.port = free_port()

    @property
    def url(self) -> str:
        """The product's URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def cloud_url(self) -> str:
        """The URL where the local cloud shows its state and fires its jobs."""
        return f"http://{HOST}:{self.ports()['cloud_port']}"

    def ports(self) -> dict[str, int]:
        """The ports of the local cloud. Its processes print into each other's lines, so they are not read there."""
        found: dict[str, int] = json.loads((self.data_dir / "ports.json").read_text(encoding="utf-8"))
        return found

    def start(self) -> "Stack":
        """Start it and wait for its own word that it is ready."""
        processes.check()
        if not self._by_command:
            migrated_cluster.begin(Postgres(self.data_dir / "postgres"))
        self._lines.clear()
        environment = {
            **outside.known_again(os.environ),
            **stack_secrets(),
            "PORT": str(self.port),
            "DATA_DIR": str(self.data_dir),
            "SEED": "0",
            "PAUSED_FUNCTIONS": "synthetic_purchase",  # tests count orders, mails and calls of gateways
            "DATABASE_URL": "",
            "SHARED_CACHE": "on",
            "CONSTANT_TIME": "off",
            "BCRYPT_COST": "4",
            "TIMEOUT_FACTOR": "5",  # nobody is asked to be quick on a busy machine
            "LOCK_TIMEOUT_MS": "60000",
            "STATEMENT_TIMEOUT_MS": "90000",
            "POOL_TIMEOUT_SECONDS": "60",
            "ACCESS_TOKEN_SECONDS": "86400",  # longer than the slowest run
            "FRESH_PROOF_SECONDS": "86400",
            "STEP_UP_SECONDS": "86400",
            **self._settings,
        }
        self._process, output = forked.start(self._main, environment)
        self._reader = threading.Thread(target=self._read, args=(output,), daemon=True)
        self._reader.start()
        until(lambda: any("ready: http" in line for line in self._lines) or self._ended(), seconds=300)
        if self._ended():
            raise AssertionError("the product did not start:\n" + self.output())
        return self

    def kill(self) -> None:
        """Kill -9 everything that serves: the supervisor, the web workers, the local cloud, the simulators."""
        assert self._process
        assert self._process.pid
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.join()

    def restart(self) -> None:
        """Kill everything and start again on the same data."""
        self.kill()
        self.start()

    def stop(self) -> None:
        """Stop it as Ctrl-C does, and its database."""
        if self._process and not self._ended():
            self._process.terminate()
            self._process.join(PATIENCE_SECONDS)
            if not self._ended():
                self.kill()
        if self._reader:
            self._reader.join(10)  # its last lines count too
        for engine in self._engines.values():
            engine.dispose()
        Postgres(self.data_dir / "postgres").stop()
        refused = [line for line in self._lines if "PermissionMissing" in line]
        assert not refused, "the manifest does not grant what was used:\n" + "\n".join(refused)

    @contextlib.contextmanager
    def stalled(self, name: str) -> Iterator[None]:
        """Stop a process in its tracks (SIGSTOP): whoever calls it waits."""
        stopped = self.server(name)
        stopped.suspend()
        try:
            yield
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                stopped.resume()

    def web_workers(self) -> list[psutil.Process]:
        """The processes that answer people: the children of the web server's own."""
        return self.server("web").children()

    def server(self, name: str) -> psutil.Process:
        """One of the processes that serve: cloud, simulators or web."""
        numbers: dict[str, int] = json.loads((self.data_dir / PROCESSES_FILE).read_text(encoding="utf-8"))
        return psutil.Process(numbers[name])

    @contextlib.contextmanager
    def database(self) -> Iterator[Engine]:
        """The product's database, in one transaction after the other."""
        yield self.engine("karcis")

    def engine(self, name: str) -> Engine:
        """Connections to a database of its server, kept while it runs."""
        server = Postgres(self.data_dir / "postgres")
        url = server.url(name)  # its port may change when it starts again
        if url not in self._engines:
            self._engines[url] = server.engine(name, pool_pre_ping=True)
        return self._engines[url]

    def open_tasks(self, subject_id: str) -> list[str]:
        """The kinds of open manual tasks about a subject."""
        query = text("SELECT kind FROM manual_tasks WHERE subject_id = :id AND done_at IS NULL ORDER BY kind")
        with self.database() as database, database.connect() as connection:
            return list(connection.execute(query, {"id": subject_id}).scalars())

    def until_issued(self, order_id: str) -> None:
        """Wait until issuing has said that an order has all it bought: nothing of it changes the order after that."""
        issued = text("SELECT tickets_issued_at FROM orders WHERE id = :id")
        self._until(issued, what="for the order to be issued", id=order_id)

    def until_delivered(self, order_id: str, template: str) -> None:
        """Wait until an order's mails of a kind are reported as delivered: nothing changes their state after that."""
        delivered = text("""
            SELECT true FROM emails WHERE order_id = :id AND template = :template HAVING bool_and(status = 'delivered')
        """)
        self._until(delivered, what=f"for the mail {template} to be delivered", id=order_id, template=template)

    def _until(self, query: TextClause, *, what: str, **values: str) -> None:
        def found() -> bool:
            with self.database() as database, database.connect() as connection:
                return connection.execute(query, values).scalar() is not None

        until(found, what=what)

    def run_job(self, name: str) -> None:
        """Fire one of the scheduled jobs now, as Cloud Scheduler's "force run" does."""
        requests.post(f"{self.cloud_url}/jobs/{name}/run", timeout=PATIENCE_SECONDS).raise_for_status()

    def output(self) -> str:
        """Its output so far."""
        return "".join(self._lines)

    def _ended(self) -> bool:
        return self._process is None or self._process.exitcode is not None

    def _read(self, output: TextIO) -> None:
        with output:
            for line in output:
                self._lines.append(line)
                scanner.see(line)


class Client:
    """Somebody who uses the API: JSON in, JSON out."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self._url = url
        self._session = requests.Session()
        self.headers = self._session.headers
        if token:
            self.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, *, status: int | None = None, **options: Any) -> requests.Response:
        """Call an address of the product; `status` is what it must answer."""
        address = path if path.startswith("/") else f"/api/v1/{path}"
        answer = self._session.request(method, f"{self._url}{address}", timeout=ANSWER_SECONDS, **options)
        if status is not None and answer.status_code != status:
            raise AssertionError(f"{method} {path}: {answer.status_code}, not {status}\n{answer.text[:2000]}")
        return answer

    def post(self, path: str, body: Any = None, *, status: int | None = None, **headers: str) -> Any:
        """POST JSON and read the JSON answer."""
        return _json(self.call("POST", path, status=status, json=body or {}, headers=headers))

    def get(self, path: str, *, status: int | None = 200, **query: Any) -> Any:
        """GET JSON."""
        return _json(self.call("GET", path, status=status, params=query))


def _json(answer: requests.Response) -> Any:
    return answer.json() if answer.content else None
