"""Gives the roles of the database their privileges, and no more: those of the functions, and after a restore all.

    python -m infra.deploy.privileges grant     before the canary: what the new code needs (schemas/database_roles.json)
    python -m infra.deploy.privileges status    which privileges the code of before has that this one does not need
    python -m infra.deploy.privileges prune     takes those away, once the code of before can't come back

    python -m infra.deploy.privileges roles     before an export is imported: the roles that it names
    python -m infra.deploy.privileges restore   after it: everything of schemas/privileges.sql

Terraform makes the functions' logins, this their roles: `karcis_<function>`, whose member the function's login is. None
gets more than the product as a whole has, which a migration gave to `karcis_app`: nobody changes the books. `grant`
fails where a login is a member of anything else, as of `cloudsqlsuperuser`, which Cloud SQL may give it. An export
of Cloud SQL holds tables and rows, and neither roles nor what they may do. Every command is idempotent.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sqlalchemy import text

from functions.manifest import manifest
from infra.deploy import database_roles
from shared.cloud.database import Transaction, transaction
from shared.cloud.permissions import database_role
from shared.cloud.settings import settings

PRODUCT = "karcis_app"
SCHEMAS = Path(__file__).parents[2] / "schemas"
FUNCTION_PRIVILEGES = SCHEMAS / "database_roles.json"
EXPORTED_PRIVILEGES = SCHEMAS / "privileges.sql"

Grant = tuple[str, str, str]
"""Role, privilege and table."""

_ALLOWED = text("""
    SELECT privilege_type, table_name FROM information_schema.role_table_grants
    WHERE grantee = :product AND table_schema = 'public'
""")
_GRANTED = text("""
    SELECT grantee, privilege_type, table_name FROM information_schema.role_table_grants
    WHERE grantee = ANY(:roles) AND table_schema = 'public'
""")
# Cloud SQL makes each login by IAM a member of a role of its kind, cloudsqliamserviceaccount: that is how it logs in.
_MEMBERS = text("""
    SELECT DISTINCT r.rolname AS role, m.rolname AS member
    FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member JOIN pg_roles r ON r.oid = a.roleid
    WHERE m.rolname = ANY(:members) AND r.rolname NOT LIKE 'cloudsqliam%' ORDER BY 1, 2
""")
_STATEMENT = re.compile(r"^(?:GRANT|REVOKE|ALTER DEFAULT PRIVILEGES) .*;$", re.MULTILINE)
_GRANTEE = re.compile(r" TO (\w+);$", re.MULTILINE)


class UnexpectedMembership(RuntimeError):
    """A function's login may do more than its own role. The message names the roles that it is a member of."""


def logins() -> dict[str, str]:
    """The database user of every function, by its name: the e-mail of its service account, as PostgreSQL knows it."""
    project = settings().google_cloud_project
    return {name: f"fn-{name.replace('_', '-')}@{project}.iam" for name in manifest().functions}


def needed() -> dict[str, Mapping[str, Sequence[str]]]:
    """The privileges by table that each function needs."""
    found: dict[str, Mapping[str, Sequence[str]]] = json.loads(FUNCTION_PRIVILEGES.read_text(encoding="utf-8"))
    return found


def grant_functions(tx: Transaction) -> None:
    """Make the roles of functions that are missing, and give each what it needs. As the owner of the tables."""
    roles = {database_role(name) for name in needed()}
    database_roles.make_missing(tx, roles)
    tx.execute(text(f"GRANT USAGE ON SCHEMA public TO {', '.join(sorted(roles))}"))
    tx.execute(text(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {', '.join(sorted(roles))}"))
    for (role, privilege), tables in _by_role(_wanted(tx) - _granted(tx)).items():
        tx.execute(text(f"GRANT {privilege} ON {', '.join(tables)} TO {role}"))


def add_members(tx: Transaction, users: Mapping[str, str]) -> None:
    """Make each function's login a member of its role. One that isn't there is an error: it couldn't log in."""
    quote = tx.dialect.identifier_preparer.quote_identifier
    for name, login in users.items():
        tx.execute(text(f"GRANT {database_role(name)} TO {quote(login)}"))


def require_own_roles(tx: Transaction, users: Mapping[str, str]) -> None:
    """Raise UnexpectedMembership where a login is a member of more than its function's role, itself or by that."""
    if found := _unexpected_members(tx, users):
        raise UnexpectedMembership("; ".join(f"{member} is a member of {role}" for role, member in found))


def _unexpected_members(tx: Transaction, users: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each role and its member, of the logins and their functions' roles, but for a login in its own role."""
    own = {(database_role(name), login) for name, login in users.items()}
    members = [name for pair in own for name in pair]
    return [(row.role, row.member) for row in tx.execute(_MEMBERS, {"members": members}) if tuple(row) not in own]


def excess(tx: Transaction, users: Mapping[str, str]) -> list[str]:
    """A statement for each membership and privilege that is granted and not needed."""
    quote = tx.dialect.identifier_preparer.quote
    return [
        *(f"REVOKE {quote(role)} FROM {quote(member)}" for role, member in _unexpected_members(tx, users)),
        *(
            f"REVOKE {privilege} ON {', '.join(tables)} FROM {role}"
            for (role, privilege), tables in _by_role(_granted(tx) - _wanted(tx)).items()
        ),
    ]


def _wanted(tx: Transaction) -> set[Grant]:
    allowed = {(row.privilege_type, row.table_name) for row in tx.execute(_ALLOWED, {"product": PRODUCT})}
    return {
        (database_role(name), privilege, table)
        for name, tables in needed().items()
        for table, privileges in tables.items()
        for privilege in privileges
        if (privilege, table) in allowed
    }


def _granted(tx: Transaction) -> set[Grant]:
    roles = [database_role(name) for name in needed()]
    return {(row.grantee, row.privilege_type, row.table_name) for row in tx.execute(_GRANTED, {"roles": roles})}


def _by_role(grants: set[Grant]) -> dict[tuple[str, str], list[str]]:
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for role, privilege, table in sorted(grants):
        found[role, privilege].append(table)
    return dict(found)


def exported() -> list[str]:
    """The statements of schemas/privileges.sql."""
    return _STATEMENT.findall(EXPORTED_PRIVILEGES.read_text(encoding="utf-8"))


def exported_roles() -> list[str]:
    """The roles that are given something there."""
    return sorted(set(_GRANTEE.findall(EXPORTED_PRIVILEGES.read_text(encoding="utf-8"))) - {"PUBLIC"})


def restore_roles(tx: Transaction) -> list[str]:
    """Make the roles that are missing. Returns their names."""
    return database_roles.make_missing(tx, exported_roles())


def restore(tx: Transaction) -> int:
    """Make the roles that are missing, and give all privileges. Returns the number of statements."""
    restore_roles(tx)
    for statement in exported():
        tx.exec_driver_sql(statement)
    return len(exported())


def _grant(tx: Transaction) -> None:
    require_own_roles(tx, logins())
    grant_functions(tx)
    add_members(tx, logins())
    print(f"{len(logins())} logins have the privileges of their roles")


def _status(tx: Transaction) -> None:
    for statement in excess(tx, logins()):
        print(f"pending: {statement}")


def _prune(tx: Transaction) -> None:
    for statement in excess(tx, logins()):
        print(statement)
        tx.execute(text(statement))


COMMANDS: Mapping[str, Callable[[Transaction], None]] = {
    "grant": _grant,
    "status": _status,
    "prune": _prune,
    "roles": lambda tx: print(f"{len(restore_roles(tx))} roles made"),
    "restore": lambda tx: print(f"{restore(tx)} statements run"),
}


def main() -> int:
    """Run the command."""
    if sys.argv[1:] not in ([command] for command in COMMANDS):
        print(__doc__)
        return 2
    with transaction() as tx:
        COMMANDS[sys.argv[1]](tx)
    return 0


if __name__ == "__main__":
    sys.exit(main())
