"""Restores a backup and proves that it is complete and consistent (R-005, R-006).

    python -m infra.deploy.drill                dumps the database of DATABASE_URL, restores it into a fresh
                                                PostgreSQL, and checks what came out
    python -m infra.deploy.drill --export       the same by SQL without owners and privileges, as Cloud SQL exports
    python -m infra.deploy.drill --export FILE  restores this export instead, as it came out of the vault
    python -m infra.deploy.drill --in-place     checks the database of the settings itself: a clone of Cloud SQL made
                                                to a moment in time (docs/runbook.md, Restoring a backup)

All but the last need the development packages, which bring a PostgreSQL, or an installed one as new as the source.
None changes the source. Exit status 0: whole, and nothing is missing; 1: not, and the report says what.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from functions.manifest import manifest
from infra.checks import invariants
from infra.deploy import backups, privileges
from infra.deploy.migrate import CONFIG
from infra.local.postgres import Postgres
from shared.cloud.clients import engine
from shared.cloud.settings import settings

_NEW_EXPORT = Path()
"""Stands for `--export` without a file."""

HISTORY = ("audit_log", "ledger_postings", "ledger_entries")
_UNREADABLE = text("""
    SELECT id FROM outbox WHERE published_at IS NULL AND (jsonb_typeof(payload) <> 'object' OR topic <> ALL(:topics))
""")
_MAY_CHANGE = text("""
    SELECT name FROM unnest(CAST(:names AS text[])) AS name
    WHERE has_table_privilege('karcis_app', name, 'UPDATE') OR has_table_privilege('karcis_app', name, 'DELETE')
""")


def problems(connection: Connection) -> list[str]:
    """The faults of this database; none if the product could continue with it."""
    found = [
        f"{promise}: {len(rows)} rows say otherwise, the first {tuple(rows[0])}"
        for promise, rows in invariants.broken(connection, invariants.ALWAYS).items()
    ]
    return found + _of_migrations(connection) + _of_history(connection) + _of_outbox(connection)


def differences(source: Mapping[str, int], restored: Mapping[str, int]) -> list[str]:
    """Tables whose number of rows is not what it was when the dump was made."""
    return [
        f"{table}: {source.get(table)} rows in the source, {restored.get(table)} restored"
        for table in sorted(source.keys() | restored.keys())
        if source.get(table) != restored.get(table)
    ]


def waiting(connection: Connection) -> dict[str, int]:
    """The work that was under way at that moment; the product finishes it when it is started."""
    return {promise: len(rows) for promise, rows in invariants.broken(connection, invariants.AT_REST).items()}


def check_dump() -> list[str]:
    """Dump, restore into a fresh server, and check. Returns what is wrong."""
    with _fresh() as (server, folder):
        started = time.monotonic()
        made = backups.dump(settings().database_url, folder / "karcis.dump", server.bin_dir)
        _report_dump(made, started)
        started = time.monotonic()
        backups.restore(made, server.url("restored"), server.bin_dir)
        return _check_restored(server, made.rows, started)


def check_export() -> list[str]:
    """Export as Cloud SQL does, restore that into a fresh server, check. Returns what is wrong."""
    with _fresh() as (server, folder):
        started = time.monotonic()
        made = backups.export(settings().database_url, folder / "karcis.sql.gz", server.bin_dir)
        _report_dump(made, started)
        return _check_loaded(server, made.file, made.rows)


def check_export_file(file: Path) -> list[str]:
    """Restore this export into a fresh server and check it. Returns what is wrong."""
    with _fresh() as (server, folder):
        copy = Path(shutil.copy(file, folder))  # where PostgreSQL's tools may unpack it
        return _check_loaded(server, copy, None)


def _check_loaded(server: Postgres, file: Path, rows: Mapping[str, int] | None) -> list[str]:
    started = time.monotonic()
    backups.load(file, server.url("restored"), server.bin_dir)
    with backups.engine_of(server.url("restored")).begin() as tx:
        privileges.restore(tx)
    return _check_restored(server, rows, started)


def _check_restored(server: Postgres, source: Mapping[str, int] | None, started: float) -> list[str]:
    """Check the restored database; the rows of the source are compared where they are known."""
    _report("restored into a fresh PostgreSQL", started)
    with backups.engine_of(server.url("restored")).connect() as connection:
        rows = backups.rows(connection)
        _report(f"counted {sum(rows.values())} rows in {len(rows)} tables")
        return differences(rows if source is None else source, rows) + _checked(connection)


def check_in_place() -> list[str]:
    """Check the database of the settings as it is. Returns what is wrong."""
    with engine().connect() as connection:
        return _checked(connection)


def main(arguments: list[str]) -> int:
    """Run the requested drill; 1 if something is wrong."""
    parser = argparse.ArgumentParser(prog="drill", description="Restore a backup and prove that it is whole.")
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--in-place", action="store_true", help="check the database of the settings itself")
    ways.add_argument("--export", nargs="?", const=_NEW_EXPORT, type=Path, metavar="FILE", help="by way of an export")
    options = parser.parse_args(arguments)
    if options.export in (None, _NEW_EXPORT) and not options.in_place and not settings().database_url:
        parser.error("say in DATABASE_URL which database to dump, or use --in-place")
    found = _run_drill(options)
    for problem in found:
        _report(f"WRONG  {problem}")
    _report(f"{len(found)} things are wrong" if found else "whole")
    return 1 if found else 0


def _run_drill(options: argparse.Namespace) -> list[str]:
    if options.in_place:
        return check_in_place()
    if options.export is None:
        return check_dump()
    return check_export() if options.export == _NEW_EXPORT else check_export_file(options.export)


def _checked(connection: Connection) -> list[str]:
    started = time.monotonic()
    found = problems(connection)
    _report(f"checked {len(invariants.ALWAYS) + 3} promises", started)
    for promise, count in waiting(connection).items():
        _report(f"under way  {promise}: not yet, {count} rows")
    return found


def _of_migrations(connection: Connection) -> list[str]:
    is_at = MigrationContext.configure(connection).get_current_revision()
    head = ScriptDirectory.from_config(Config(str(CONFIG))).get_current_head()
    return [] if is_at == head else [f"migrations: it is at {is_at}, this code wants {head}"]


def _of_history(connection: Connection) -> list[str]:
    changeable = connection.execute(_MAY_CHANGE, {"names": list(HISTORY)}).scalars()
    return [f"{table}: the product may change it" for table in changeable]


def _of_outbox(connection: Connection) -> list[str]:
    unreadable = connection.execute(_UNREADABLE, {"topics": list(manifest().topics)}).scalars().all()
    return [f"outbox: {len(unreadable)} messages can't be published, the first {unreadable[0]}"] if unreadable else []


@contextmanager
def _fresh() -> Iterator[tuple[Postgres, Path]]:
    """A fresh server with an empty database `restored`, and its folder, which PostgreSQL's own user may enter too."""
    with tempfile.TemporaryDirectory(prefix="karcis-drill-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with Postgres(folder) as server:
            server.create_database("restored")
            yield server, folder


def _report_dump(made: backups.Dump, started: float) -> None:
    _report(f"dumped, as it was at {made.taken_at:%Y-%m-%d %H:%M:%S %Z}", started, f"{_size(made.file)} bytes")


def _size(file: Path) -> str:
    return f"{file.stat().st_size:,}"


def _report(what: str, started: float | None = None, *more: str) -> None:
    took = [] if started is None else [f"{time.monotonic() - started:.1f} s"]
    print("  ".join([what, *took, *more]), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
