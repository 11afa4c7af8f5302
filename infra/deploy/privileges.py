"""Gives the roles of the product their privileges in a database that was restored from an export.

    python -m infra.deploy.privileges roles     before the import, into an empty database: the roles that it names
    python -m infra.deploy.privileges grant     after it: everything of schemas/privileges.sql

An export of Cloud SQL holds tables and rows, and neither roles nor what they may do. Both may be run again.
"""

import re
import sys
from pathlib import Path

from infra.deploy import database_roles
from shared.cloud.database import Transaction, transaction

FILE = Path(__file__).parents[2] / "schemas" / "privileges.sql"
COMMANDS = ("roles", "grant")
_STATEMENT = re.compile(r"^(?:GRANT|REVOKE|ALTER DEFAULT PRIVILEGES) .*;$", re.MULTILINE)
_GRANTEE = re.compile(r" TO (\w+);$", re.MULTILINE)


def statements() -> list[str]:
    """The statements of schemas/privileges.sql."""
    return _STATEMENT.findall(FILE.read_text(encoding="utf-8"))


def roles() -> list[str]:
    """The roles that are given something."""
    return sorted(set(_GRANTEE.findall(FILE.read_text(encoding="utf-8"))) - {"PUBLIC"})


def make_roles(tx: Transaction) -> list[str]:
    """Make the roles that are missing. Returns their names."""
    return database_roles.make_missing(tx, roles())


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
