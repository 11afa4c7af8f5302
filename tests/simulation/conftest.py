"""The simulator's own PostgreSQL, whose defaults and triggers see virtual time."""

from collections.abc import Iterator

import pytest

from infra.local.postgres import Postgres
from tests.folders import a_folder
from tests.simulation import database


@pytest.fixture(scope="session")
def simulation_server() -> Iterator[Postgres]:
    """The server, with the migrated database `template`."""
    with a_folder() as folder, database.server(folder) as postgres:
        yield postgres
