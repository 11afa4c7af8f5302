"""Backups: a database dumped as of one moment, and restored into another server, by PostgreSQL's own tools.

`dump` and `restore` keep everything; `export` and `load` what an export of Cloud SQL keeps: no owners and no
privileges.

The rows are counted in the very snapshot that is dumped, so that what was restored can be compared to the row.
"""

import gzip
import os
import shutil
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, make_url, text

from infra.deploy import database_roles
from shared.cloud import loopback

_TABLES = text("""
    SELECT table_name FROM information_schema.tables
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name
""")
_ROLES = text("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_'")


class BackupFailed(RuntimeError):
    """pg_dump, pg_restore or psql failed; the message holds its output."""


@dataclass(frozen=True)
class Dump:
    """A dump, with the rows and roles of its database."""

    file: Path
    taken_at: datetime
    rows: dict[str, int]
    """Table to number of rows."""
    roles: tuple[str, ...]
    """The roles that hold the dump's privileges: a dump names roles, and contains none."""


def dump(url: str, file: Path, bin_dir: Path) -> Dump:
    """Dump the database at `url` into `file`, in PostgreSQL's custom format. Raises BackupFailed."""
    return _dump(url, file, bin_dir, "--format=custom", "--no-owner")


def export(url: str, file: Path, bin_dir: Path) -> Dump:
    """Export the database at `url` into `file`, as gzipped SQL without owners and privileges. Raises BackupFailed."""
    return _dump(url, file, bin_dir, "--format=plain", "--compress=gzip:6", "--no-owner", "--no-acl")


def _dump(url: str, file: Path, bin_dir: Path, *options: str) -> Dump:
    """Dump while the database is being used: what is counted is what is dumped."""
    with _connected(url) as connection:
        connection.execution_options(isolation_level="REPEATABLE READ")
        snapshot = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        made = Dump(
            file=file,
            taken_at=connection.execute(text("SELECT now()")).scalar_one(),
            rows=rows(connection),
            roles=tuple(connection.execute(_ROLES).scalars()),
        )
        _run(bin_dir / "pg_dump", make_url(url), *options, f"--snapshot={snapshot}", f"--file={file}")
    return made


def restore(made: Dump, url: str, bin_dir: Path) -> None:
    """Restore into the empty database at `url`, whose user may make roles. Raises BackupFailed."""
    with _connected(url) as connection, connection.begin():
        database_roles.make_missing(connection, made.roles)
    _run(bin_dir / "pg_restore", make_url(url), "--exit-on-error", "--no-owner", "--jobs=2", str(made.file))


def load(file: Path, url: str, bin_dir: Path) -> None:
    """Load an export, compressed or not, into the empty database at `url`. Raises BackupFailed."""
    options = ("--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--single-transaction", "--output=/dev/null")
    if file.suffix != ".gz":
        return _run(bin_dir / "psql", make_url(url), *options, f"--file={file}")
    plain = file.with_suffix("")
    with gzip.open(file) as packed, plain.open("xb") as unpacked:
        shutil.copyfileobj(packed, unpacked)
    try:
        _run(bin_dir / "psql", make_url(url), *options, f"--file={plain}")
    finally:
        plain.unlink()
    return None


def rows(connection: Connection) -> dict[str, int]:
    """The number of rows of each table."""
    tables = connection.execute(_TABLES).scalars().all()
    return {table: connection.execute(text(f'SELECT count(*) FROM "{table}"')).scalar_one() for table in tables}


def engine_of(url: str) -> Engine:
    """Connections without the product's time-outs: a dump takes as long as it takes."""
    return create_engine(url, poolclass=NullPool, connect_args=loopback.connect_args(url))


def _connected(url: str) -> Connection:
    return engine_of(url).connect()


def _run(tool: Path, url: URL, *arguments: str) -> None:
    """Run a tool on the database at `url`; the password is passed in the environment, where nobody else sees it."""
    named = {
        "PGHOST": url.host,
        "PGPORT": str(url.port or 5432),
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
    }
    target = ["--dbname", str(url.database)] if tool.name == "pg_restore" else []
    done = subprocess.run(
        [tool, *target, *arguments],
        env=os.environ | {name: value for name, value in named.items() if value},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackupFailed(f"{tool.name}: {done.stderr.strip()}")
