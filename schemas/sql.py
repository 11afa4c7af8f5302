"""Writes the schema (schemas/schema.sql) and the privileges (schemas/privileges.sql) that all migrations together make.

`python -m schemas.sql` migrates an empty database of its own and dumps it; a test holds that the files are current
(tests/integration/deploy/test_schema_sql.py). The privileges are what an export of Cloud SQL leaves out:
infra/deploy/privileges.py gives them back to a database that was restored from one.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.engine import make_url

from functions.manifest import manifest
from infra.local.postgres import Postgres
from shared.cloud import clients
from shared.cloud.permissions import database_role
from shared.cloud.settings import settings

ROOT = Path(__file__).parent.parent
FILE = ROOT / "schemas" / "schema.sql"
PRIVILEGES = ROOT / "schemas" / "privileges.sql"
_NOISE = re.compile(r"^(--|SET |SELECT pg_catalog\.|\\)")
"""Lines that differ between versions of pg_dump, or say nothing of the schema."""
_PRIVILEGE = re.compile(r"^(GRANT|REVOKE|ALTER DEFAULT PRIVILEGES) ")


def document(bin_dir: Path, url: str) -> str:
    """The schema of a migrated database, without owners, privileges and pg_dump's remarks."""
    dumped = _dumped(bin_dir, url, "--no-privileges", "--exclude-table=alembic_version")
    kept = "\n".join(line for line in dumped.splitlines() if not _NOISE.match(line))
    return _title(bin_dir) + re.sub(r"\n{3,}", "\n\n", kept).strip() + "\n"


def privileges(bin_dir: Path, url: str) -> str:
    """The privileges that migrations give, a statement a line. Those of functions come from database_roles.json."""
    of_functions = tuple(f" TO {database_role(name)};" for name in manifest().functions)
    dumped = _dumped(bin_dir, url).splitlines()
    given = [line for line in dumped if _PRIVILEGE.match(line) and not line.endswith(of_functions)]
    anybody = [re.sub(r' FOR ROLE (\w+|"[^"]+")', "", line) for line in given]
    return _title(bin_dir) + "\n".join(anybody) + "\n"


def _dumped(bin_dir: Path, url: str, *options: str) -> str:
    at = make_url(url)
    place = ["-h", str(at.host), "-p", str(at.port), "-U", str(at.username), "-d", str(at.database)]
    command = [str(bin_dir / "pg_dump"), "--schema-only", "--no-owner", *options, *place]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _title(bin_dir: Path) -> str:
    version = subprocess.run([bin_dir / "pg_dump", "--version"], check=True, capture_output=True, text=True).stdout
    return f"-- Made by `python -m schemas.sql` with PostgreSQL {major(version)}: change a migration, not this.\n\n"


def major(version: str) -> str:
    """The major version of PostgreSQL in what a tool, or the file's first line, says of it."""
    found = re.search(r"PostgreSQL\)? (\d+)", version)
    return found[1] if found else ""


def main() -> int:
    """Write the files from a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)  # PostgreSQL's own user passes through
        with Postgres(Path(folder) / "data") as server:
            server.create_database("schema")
            os.environ["DATABASE_URL"] = server.url("schema")
            settings.cache_clear()
            command.upgrade(Config(str(ROOT / "alembic.ini")), "head")
            clients.engine().dispose()
            FILE.write_text(document(server.bin_dir, server.url("schema")), encoding="utf-8")
            PRIVILEGES.write_text(privileges(server.bin_dir, server.url("schema")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
