"""Gives every function's database login the privileges of its own role, and no more (schemas/database_roles.json).

    python -m infra.deploy.grants          before the canary: adds what the new code needs
    python -m infra.deploy.grants status   which privileges the code of before has that this one does not need
    python -m infra.deploy.grants prune    takes those away, once the code of before can't come back

Terraform makes the logins, this the roles: `karcis_<function>`, whose member the function's login is. None gets more
than the product as a whole has, which a migration gave to `karcis_app`: nobody changes the books.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import text

from functions.manifest import manifest
from infra.deploy import database_roles
from shared.cloud.database import Transaction, transaction
from shared.cloud.permissions import database_role
from shared.cloud.settings import settings

PRODUCT = "karcis_app"
FILE = Path(__file__).parents[2] / "schemas" / "database_roles.json"

Grant = tuple[str, str, str]
"""Role, privilege and table."""

_ALLOWED = text("""
    SELECT privilege_type, table_name FROM information_schema.role_table_grants
    WHERE grantee = :product AND table_schema = 'public'
""")
_HELD = text("""
    SELECT grantee, privilege_type, table_name FROM information_schema.role_table_grants
    WHERE grantee = ANY(:roles) AND table_schema = 'public'
""")
_MEMBERS = text("""
    SELECT m.rolname FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member JOIN pg_roles r ON r.oid = a.roleid
    WHERE r.rolname = :product AND m.rolname = ANY(:logins)
""")


def logins() -> dict[str, str]:
    """The database user of every function, by its name: the e-mail of its service account, as PostgreSQL knows it."""
    project = settings().google_cloud_project
    return {name: f"fn-{name.replace('_', '-')}@{project}.iam" for name in manifest().functions}


def needed() -> dict[str, Mapping[str, Sequence[str]]]:
    """The privileges by table that each function needs."""
    found: dict[str, Mapping[str, Sequence[str]]] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def give(tx: Transaction) -> None:
    """Make the roles that are missing, and give each what its function needs. As the owner of the tables."""
    roles = {database_role(name) for name in needed()}
    database_roles.make_missing(tx, roles)
    tx.execute(text(f"GRANT USAGE ON SCHEMA public TO {', '.join(sorted(roles))}"))
    tx.execute(text(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {', '.join(sorted(roles))}"))
    for (role, privilege), tables in _by_role(_wanted(tx) - _held(tx)).items():
        tx.execute(text(f"GRANT {privilege} ON {', '.join(tables)} TO {role}"))


def join(tx: Transaction, users: Mapping[str, str]) -> None:
    """Make each function's login a member of its role. One that isn't there is an error: it couldn't log in."""
    quote = tx.dialect.identifier_preparer.quote_identifier
    for name, login in users.items():
        tx.execute(text(f"GRANT {database_role(name)} TO {quote(login)}"))


def excess(tx: Transaction, users: Mapping[str, str]) -> list[str]:
    """A statement for each right that is held and not needed."""
    quote = tx.dialect.identifier_preparer.quote_identifier
    members = tx.execute(_MEMBERS, {"product": PRODUCT, "logins": list(users.values())}).scalars()
    return [
        *(f"REVOKE {PRODUCT} FROM {quote(login)}" for login in sorted(members)),
        *(
            f"REVOKE {privilege} ON {', '.join(tables)} FROM {role}"
            for (role, privilege), tables in _by_role(_held(tx) - _wanted(tx)).items()
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


def _held(tx: Transaction) -> set[Grant]:
    roles = [database_role(name) for name in needed()]
    return {(row.grantee, row.privilege_type, row.table_name) for row in tx.execute(_HELD, {"roles": roles})}


def _by_role(grants: set[Grant]) -> dict[tuple[str, str], list[str]]:
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for role, privilege, table in sorted(grants):
        found[role, privilege].append(table)
    return dict(found)


def main() -> int:
    """Give, tell or take away."""
    command = sys.argv[1] if len(sys.argv) > 1 else "give"
    if command not in ("give", "status", "prune"):
        print(__doc__)
        return 2
    with transaction() as tx:
        if command == "give":
            give(tx)
            join(tx, logins())
            print(f"{len(logins())} logins have the privileges of their roles")
            return 0
        statements = excess(tx, logins())
        for statement in statements:
            print(f"pending: {statement}" if command == "status" else statement)
            if command == "prune":
                tx.execute(text(statement))
    return 0


if __name__ == "__main__":
    sys.exit(main())
