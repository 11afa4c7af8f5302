"""The first migration where it runs: in Cloud SQL nobody of ours is a superuser, and only a role may make roles.

What Cloud SQL sets up is made by hand here: `cloudsqlsuperuser` has CREATEROLE and owns the database, and the
pipeline's login is a member. A member inherits rights, but no attribute (PostgreSQL, Role Membership).
"""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from infra.deploy import backups, grants, migrate
from infra.local.postgres import Postgres
from shared.cloud import clients
from shared.cloud.settings import settings
from tests.folders import a_folder

PIPELINE = "pipeline-release@example-karcis.iam"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server of its own: roles are the whole server's, and everybody else's has `karcis_app` already."""
    with a_folder() as folder, Postgres(folder) as running:
        yield running


@pytest.fixture
def owner(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Cloud SQL's superuser of this server; the product's settings are those of the pipeline."""
    admin = backups.engine_of(server.url("postgres"))
    with admin.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("CREATE ROLE cloudsqlsuperuser CREATEROLE CREATEDB NOLOGIN")
        connection.exec_driver_sql(f'CREATE ROLE "{PIPELINE}" LOGIN IN ROLE cloudsqlsuperuser')
        connection.exec_driver_sql("CREATE DATABASE karcis OWNER cloudsqlsuperuser")
    url = server.url("karcis").replace("postgres@", PIPELINE.replace("@", "%40") + "@")
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "example-karcis")
    monkeypatch.delenv("DATABASE_ROLE", raising=False)
    settings.cache_clear()
    clients.engine.provide(None)
    yield admin
    clients.engine().dispose()
    clients.engine.provide(None)
    settings.cache_clear()
    admin.dispose()


def test_the_pipeline_migrates_a_new_database_and_gives_functions_their_rights(owner: Engine):
    with owner.begin() as tx:
        for login in grants.logins():
            tx.exec_driver_sql(f'CREATE ROLE "{login}" LOGIN')
    assert migrate.run("expand") is not None
    assert grants.main() == 0
    with clients.engine().begin() as tx:
        assert tx.execute(text("SELECT current_user")).scalar_one() == PIPELINE
        owners = tx.execute(text("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")).scalars()
        assert list(owners) == [PIPELINE], "it must be able to change them later"
    with owner.begin() as tx:
        assert tx.execute(
            text("SELECT pg_has_role(:login, 'karcis_app', 'USAGE')"), {"login": grants.logins()[0]}
        ).scalar_one()
