"""Gives the roles of the product their privileges in a database that was restored from an export.

    python -m infra.deploy.privileges roles     before the import, into an empty database: the roles that it names
    python -m infra.deploy.privileges grant     after it: everything of schemas/privileges.sql

An export of Cloud SQL holds tables and rows, and neither roles nor what they may do. Both may be run again.
"""

import re
import sys
from pathlib import Path

from shared.cloud.database import Transaction, transaction

FILE = Path(__file__).parents[2] / "schemas" / "privileges.sql"
COMMANDS = ("roles", "grant")
_STATEMENT = re.compile(r"^(?:GRANT|REVOKE|ALTER DEFAULT PRIVILEGES) .*;$", re.MULTILINE)
_GRANTEE = re.compile(r" TO (\w+);$", re.MULTILINE)
_IS_THERE = "SELECT 1 FROM pg_roles WHERE rolname = %s"


def statements() -> list[str]:
    """The statements of schemas/privileges.sql."""
    return _STATEMENT.findall(FILE.read_text(encoding="utf-8"))


def roles() -> list[str]:
    """The roles that are given something."""
    return sorted(set(_GRANTEE.findall(FILE.read_text(encoding="utf-8"))) - {"PUBLIC"})


def make_roles(tx: Transaction) -> list[str]:
    """Make the roles that are missing, as Cloud SQL's superuser where there is one. Returns their names."""
    missing = [role for role in roles() if tx.exec_driver_sql(_IS_THERE, (role,)).first() is None]
    if missing and tx.exec_driver_sql(_IS_THERE, ("cloudsqlsuperuser",)).first():
        tx.exec_driver_sql("SET LOCAL ROLE cloudsqlsuperuser")
    for role in missing:
        tx.exec_driver_sql(f"CREATE ROLE {role} NOLOGIN")
    tx.exec_driver_sql("RESET ROLE")
    return missing


def grant(tx: Transaction) -> int:
    """Give all privileges. Returns the number of statements."""
    for statement in statements():
        tx.exec_driver_sql(statement)
    return len(statements())


def main() -> int:
    """Do what is asked for."""
    if sys.argv[1:] not in ([command] for command in COMMANDS):
        print(__doc__)
        return 2
    with transaction() as tx:
        made = make_roles(tx)
        given = grant(tx) if sys.argv[1] == "grant" else 0
    print(f"{len(made)} roles made, {given} statements run")
    return 0


if __name__ == "__main__":
    sys.exit(main())
