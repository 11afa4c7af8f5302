"""Makes every function's database login a member of `karcis_app`: the rights of the product, and no more.

    python -m infra.deploy.grants

Terraform makes the logins, a migration the role; this joins them, after both. Again at every release.
"""

import sys

from sqlalchemy import text

from functions.manifest import manifest
from shared.cloud.database import Transaction, transaction
from shared.cloud.settings import settings

ROLE = "karcis_app"


def logins() -> list[str]:
    """The database user of every function: its service account's e-mail, as PostgreSQL knows it."""
    project = settings().google_cloud_project
    return [f"fn-{name.replace('_', '-')}@{project}.iam" for name in manifest().functions]


def grant(tx: Transaction, names: list[str]) -> None:
    """Make these users members of the role. One that isn't there is an error: its function couldn't log in."""
    quote = tx.dialect.identifier_preparer.quote_identifier
    tx.execute(text(f"GRANT {ROLE} TO {', '.join(quote(name) for name in names)}"))


def main() -> int:
    """Grant to all functions of the manifest."""
    with transaction() as tx:
        grant(tx, logins())
    print(f"{len(logins())} logins are members of {ROLE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
