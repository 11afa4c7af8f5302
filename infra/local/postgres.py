"""A PostgreSQL server of our own on a laptop or in CI: made, started, attached to and stopped."""

import hashlib
import os
import shlex
import shutil
import socket
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import sqlalchemy
from sqlalchemy.exc import DBAPIError

from infra.local.postgres_folders import locked, substitute_for
from infra.local.postgres_tools import PostgresFailed, PostgresMissing, Tools
from shared.cloud import loopback

__all__ = ["Postgres", "PostgresFailed", "PostgresMissing"]

_SETTINGS = {"max_connections": "200", "shared_buffers": "256MB"}
_STARTS_WITHIN_SECONDS = 60.0  # after kill -9 the old shared memory stays attached for up to two seconds
_MAX_SOCKET_PATH = 103  # bytes: 107 on Linux, 103 on macOS
_HAS_DATABASE = ("42P04", "23505")  # duplicate_database, and what the loser of a race to create it is told


class Postgres:
    """One server that keeps its data in `data_dir` and listens on 127.0.0.1 and on a unix socket.

    Everybody on this machine may connect as `postgres` without a password, so it is for development
    and tests only. `settings` are postgresql.conf parameters on top of the defaults; commits are durable.
    For root, a folder under /var/tmp stands in for a `data_dir` that only root can reach.
    """

    def __init__(self, data_dir: Path, *, settings: Mapping[str, str] = {}) -> None:
        self._tools = Tools(data_dir / "cluster")
        self._data_dir = self._writable_folder(data_dir.absolute())
        self._cluster = self._data_dir / "cluster"
        self._port_file = self._data_dir / "port"
        self._log = self._data_dir / "postgresql.log"
        self._settings = {**_SETTINGS, **settings}
        self._started_here = False

    def start(self) -> None:
        """Start the server, or attach to the one that already runs on this folder, and wait until it answers.

        Raises PostgresMissing, or PostgresFailed with the end of the server's log.
        """
        with locked(self._data_dir):
            if not self._answers():
                self._initialise()
                self._launch()

    def stop(self) -> None:
        """Stop the server, whoever started it: sessions are cut, committed data stays. No-op if it is down."""
        with locked(self._data_dir):
            if self._listens():
                self._tools.run("pg_ctl", "-D", self._cluster, "-m", "fast", "-w", "stop", check=False)
            self._started_here = False

    def __enter__(self) -> Self:
        """Start or attach."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server if this object started it; one it attached to is left running."""
        if self._started_here:
            self.stop()

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create the database `name`, as a copy of `template` if given; leave it as it is when it is there."""
        copied = f" TEMPLATE {_quoted(template)} STRATEGY FILE_COPY" if template else ""  # half the time of WAL_LOG
        try:
            self._execute(f"CREATE DATABASE {_quoted(name)}{copied}")
        except DBAPIError as error:
            if _sql_state(error) not in _HAS_DATABASE:
                raise

    def drop_database(self, name: str) -> None:
        """Drop the database `name` and cut the sessions on it; no error when it is not there."""
        self._execute(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of `database`, by the unix socket: a round trip costs two thirds of one by TCP."""
        return f"postgresql+pg8000://postgres@127.0.0.1:{self.port}/{database}?unix_sock={self._socket}"

    def libpq_url(self, database: str) -> str:
        """The URL of `database` for psql and pgbench, by the same socket."""
        return f"postgresql://postgres@/{database}?host={self.socket_dir}&port={self.port}"

    def engine(self, database: str, **options: Any) -> sqlalchemy.Engine:
        """Connections to `database`; `options` are those of sqlalchemy.create_engine."""
        url = self.url(database)
        return sqlalchemy.create_engine(url, connect_args=loopback.connect_args(url), **options)

    @property
    def cluster(self) -> Path:
        """The folder of its data, there from the first start on."""
        return self._cluster

    @property
    def port(self) -> int:
        """The TCP port, chosen at the first start and kept beside the data."""
        return int(self._port_file.read_text())

    @property
    def pid(self) -> int:
        """The process of the running server, whose children are its sessions."""
        return int((self._cluster / "postmaster.pid").read_text().split()[0])

    @property
    def _socket(self) -> Path:
        return self.socket_dir / f".s.PGSQL.{self.port}"

    @property
    def socket_dir(self) -> Path:
        """The folder of the unix socket `.s.PGSQL.<port>`: beside the data unless that path is too long."""
        longest = os.fsencode(self._data_dir / ".s.PGSQL.65535")
        if len(longest) <= _MAX_SOCKET_PATH:
            return self._data_dir
        folder = Path(tempfile.gettempdir()) / f"karcis-postgresql-{hashlib.sha256(longest).hexdigest()[:12]}"
        folder.mkdir(mode=0o700, exist_ok=True)
        return self._tools.own(folder)

    @property
    def bin_dir(self) -> Path:
        """The folder of initdb, pg_ctl, psql and, where it is shipped, pgbench. Raises PostgresMissing."""
        return self._tools.bin_dir

    def _writable_folder(self, data_dir: Path) -> Path:
        data_dir.mkdir(parents=True, exist_ok=True)
        return self._tools.own(data_dir if self._tools.reaches(data_dir.parent) else substitute_for(data_dir))

    def _initialise(self) -> None:
        if self._cluster.exists():
            return
        unfinished = self._data_dir / "cluster.unfinished"  # renamed when whole, so a crash leaves no half
        shutil.rmtree(unfinished, ignore_errors=True)
        options = ("-D", unfinished, "-U", "postgres", "-E", "UTF8", "--auth=trust", "--no-instructions")
        if not self._tools.run("initdb", *options, "--locale=C.UTF-8", check=False):
            self._tools.run("initdb", *options, "--locale=C")  # older systems know no C.UTF-8
        unfinished.rename(self._cluster)

    def _launch(self) -> None:
        """Start, again and again for a while: what a crash left behind may need a moment to go.

        postmaster.pid is never deleted by us: PostgreSQL knows better whether its owner is alive.
        """
        deadline = time.monotonic() + _STARTS_WITHIN_SECONDS
        while not self._starts():
            if time.monotonic() > deadline:
                raise PostgresFailed(f"PostgreSQL did not start.\n{_tail(self._log)}")
            time.sleep(0.1)
        self._started_here = True

    def _starts(self) -> bool:
        settings = {
            **self._settings,
            "listen_addresses": "127.0.0.1",
            "port": str(self._choose_port()),
            "unix_socket_directories": str(self.socket_dir),
        }
        options = " ".join(shlex.quote(f"--{name}={value}") for name, value in settings.items())
        start = ("-D", self._cluster, "-l", self._log, "-w", "-t", "60", "-o", options, "start")
        return self._tools.run("pg_ctl", *start, check=False) and self._answers()

    def _choose_port(self) -> int:
        """The port of last time if it is free, else another one from now on."""
        if not (self._port_file.exists() and _is_free(self.port)):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self._port_file.write_text(str(probe.getsockname()[1]))
        return self.port

    def _answers(self) -> bool:
        """True if a server on this very folder takes connections: the port alone may belong to a stranger."""
        if not self._listens():
            return False
        try:
            folder = self._execute("SHOW data_directory")
        except (DBAPIError, OSError):  # not up yet, or going down
            return False
        return Path(folder).resolve() == self._cluster.resolve()

    def _listens(self) -> bool:
        """True if a server left its lock file and somebody listens on its port."""
        return (self._cluster / "postmaster.pid").exists() and self._port_file.exists() and not _is_free(self.port)

    def _execute(self, statement: str) -> Any:
        engine = self.engine("postgres", isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                result = connection.exec_driver_sql(statement)
                return result.scalar() if result.returns_rows else None
        finally:
            engine.dispose()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _sql_state(error: DBAPIError) -> str | None:
    fields = error.orig.args[0] if error.orig and error.orig.args else None
    return fields.get("C") if isinstance(fields, dict) else None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:]) if log.exists() else "(no log)"
