"""A PostgreSQL cluster with databases that are ready to use, made once in a run of the tests; servers begin with it.

A copy takes a sixth of the processor time of a new cluster and its migrations.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config

from infra.deploy import privileges
from infra.local.cloud.oidc import Signer
from infra.local.cloud.store import open_store
from infra.local.postgres import Postgres
from infra.local.postgres_folders import locked
from infra.local.simulators import application  # noqa: F401 - declares the tables of a store
from shared.cloud import clients
from tests import product_database

FOLDER = "MIGRATED_CLUSTER"
"""The environment variable that names the run's folder for it, to all workers."""
TEMPLATE = "template"
"""The migrated database; `karcis` is the same, under the name that a product looks for."""
STORE = "store"
"""A store of the local cloud with its tables and its key; `karcis_local` is the same."""
FAST = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "256MB"}
"""The server of the tests ends with them, so nothing has to survive a power cut."""

_ROOT = Path(__file__).parent.parent
_SMALL = {**FAST, "max_wal_size": "32MB", "min_wal_size": "32MB"}


def begin(server: Postgres) -> None:
    """Let a server that has no data yet begin with a copy, where a run of the tests has chosen a folder."""
    folder = os.environ.get(FOLDER)
    if folder and not server.cluster.exists():
        copy = ["cp", "-a", _original(Path(folder)), server.cluster]
        subprocess.run(copy, check=True)


def _original(folder: Path) -> Path:
    """The cluster to copy, which the first who asks makes."""
    with locked(folder):
        server, is_made = Postgres(folder / "postgres", settings=_SMALL), folder / "is-made"
        if not is_made.exists():
            with server:
                _migrate(server)
                _make_store(server)
            is_made.touch()
    return server.cluster


def _migrate(server: Postgres) -> None:
    server.create_database(TEMPLATE)
    with _in_use(server.url(TEMPLATE)):
        command.upgrade(Config(str(_ROOT / "alembic.ini")), "head")
        owner = clients.make_engine()
        with owner.begin() as tx:
            privileges.grant_functions(tx)
        owner.dispose()
    server.create_database("karcis", template=TEMPLATE)


def _make_store(server: Postgres) -> None:
    server.create_database(STORE)
    engine = open_store(server.url(STORE))
    Signer(engine)
    engine.dispose()
    server.create_database("karcis_local", template=STORE)


@contextmanager
def _in_use(url: str) -> Iterator[None]:
    """The database of `url` is the product's until the block ends."""
    before = os.environ.get("DATABASE_URL", "")
    product_database.use(url)
    try:
        yield
    finally:
        clients.engine().dispose()
        product_database.use(before)
