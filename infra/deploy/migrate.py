"""Migrates in two phases, so that the old and the new code can run side by side on one database.

    python -m infra.deploy.migrate expand      before the apply: only adds, the running code doesn't notice
    python -m infra.deploy.migrate contract    by an approval of its own: takes away what nobody uses any more
    python -m infra.deploy.migrate status      what is pending, and which code can't come back

A migration that takes something away says so with `contracts = True` at its top, and is the last of its release. The
next release that expands waits for it.
"""

import inspect
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory

from shared.cloud.clients import engine

CONFIG = Path(__file__).parents[2] / "alembic.ini"
PHASES = ("expand", "contract")
COMMANDS = (*PHASES, "status")

_TAKES_AWAY = re.compile(
    r"\bDROP\s+(?:TABLE|COLUMN|TYPE|SCHEMA|VIEW|SEQUENCE)\b"
    r"|\bRENAME\s+(?:TO|COLUMN)\b"
    r"|\bALTER\s+COLUMN\s+\w+\s+(?:TYPE|SET\s+DATA\s+TYPE|SET\s+NOT\s+NULL)\b",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"--[^\n]*|#[^\n]*")


@dataclass(frozen=True)
class Migration:
    """A migration, as far as the phases need to know it."""

    revision: str
    contracts: bool
    takes_away: tuple[str, ...] = ()
    """The statements that remove what the code of the release before may use."""


class UnsafeMigration(RuntimeError):
    """These migrations can't be released like this; the message says what to change."""


def target(pending: Sequence[Migration], phase: str, *, is_new: bool = False) -> str | None:
    """The revision to upgrade to in this phase, None where there is nothing to do.

    `pending` is oldest first. A new database has no running code to protect. Raises UnsafeMigration.
    """
    if not is_new:
        _check(pending)
    if phase == "contract" or is_new:
        return pending[-1].revision if pending else None
    expanding = [migration.revision for migration in pending if not migration.contracts]
    return expanding[-1] if expanding else None


def _check(pending: Sequence[Migration]) -> None:
    for migration in pending:
        if migration.takes_away and not migration.contracts:
            statements = ", ".join(migration.takes_away)
            raise UnsafeMigration(f"{migration.revision} takes away ({statements}): say `contracts = True` at its top.")
    for earlier, later in pairwise(pending):
        if earlier.contracts and not later.contracts:
            raise UnsafeMigration(
                f"{later.revision} expands after {earlier.revision} contracts: release them apart,"
                " and approve the build `contract` of the release before."
            )


def migration(script: Script) -> Migration:
    """Read a migration's source."""
    source = _COMMENT.sub("", inspect.getsource(script.module))
    found = tuple(" ".join(match.group().upper().split()) for match in _TAKES_AWAY.finditer(source))
    return Migration(script.revision, bool(getattr(script.module, "contracts", False)), found)


def run(phase: str) -> str | None:
    """Migrate the database of the settings. Returns the revision it is upgraded to, None where nothing was due."""
    current, _, pending = _state()
    chosen = target(pending, phase, is_new=current is None)
    if chosen:
        command.upgrade(Config(str(CONFIG)), chosen)
    return chosen


def status() -> list[str]:
    """A line for the database's revision, for each pending migration, and for each that older code can't run behind."""
    current, applied, pending = _state()
    taken = next((each.revision for each in reversed(applied) if each.contracts), None)
    return [
        f"database: {current or 'empty'}",
        *(f"pending: {each.revision} {'contracts' if each.contracts else 'expands'}" for each in pending),
        f"going back: {f'not to code from before {taken}, which has contracted' if taken else 'to any code'}",
    ]


def _state() -> tuple[str | None, list[Migration], list[Migration]]:
    """The database's revision, and the migrations up to it and after it, oldest first."""
    scripts = ScriptDirectory.from_config(Config(str(CONFIG)))
    with engine().connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    pending = [migration(script) for script in scripts.iterate_revisions("heads", current or "base")][::-1]
    applied = [migration(script) for script in scripts.iterate_revisions(current, "base")][::-1] if current else []
    return current, applied, pending


def main() -> int:
    """Run the command."""
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        print(__doc__)
        return 2
    if sys.argv[1] == "status":
        print("\n".join(status()))
        return 0
    try:
        chosen = run(sys.argv[1])
    except UnsafeMigration as refusal:
        print(refusal)
        return 1
    print(f"{sys.argv[1]}: {chosen or 'nothing to do'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
