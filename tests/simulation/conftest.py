"""The simulator's own PostgreSQL, whose defaults and triggers see virtual time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.postgres import Postgres
from tests.folders import a_folder
from tests.simulation import database


@pytest.fixture(scope="session")
def simulation_folder() -> Iterator[Path]:
    """The folder of the server, which runs and has the migrated database `template`."""
    with a_folder() as folder, database.server(folder):
        yield folder


@pytest.fixture(scope="session")
def simulation_server(simulation_folder: Path) -> Postgres:
    """The server."""
    return Postgres(simulation_folder, settings=database.SERVER)
