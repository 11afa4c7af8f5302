"""The first migration where it runs: in Cloud SQL nobody of ours is a superuser, and only a role may make roles.

What Cloud SQL sets up is made by hand here: `cloudsqlsuperuser` has CREATEROLE and owns the database, and the
pipeline's login is a member; each login of a function is one of `cloudsqliamserviceaccount`. A member inherits rights,
but no attribute (PostgreSQL, Role Membership).
"""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from infra.deploy import backups, migrate, privileges, statement
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


@pytest.fixture(scope="module")
def owner(server: Postgres) -> Iterator[Engine]:
    """Cloud SQL's superuser of this server; the product's settings are those of the pipeline."""
    admin = backups.engine_of(server.url("postgres"))
    with admin.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("CREATE ROLE cloudsqlsuperuser CREATEROLE CREATEDB NOLOGIN")
        connection.exec_driver_sql(f'CREATE ROLE "{PIPELINE}" LOGIN IN ROLE cloudsqlsuperuser')
        connection.exec_driver_sql("CREATE ROLE cloudsqliamserviceaccount NOLOGIN")
        connection.exec_driver_sql("CREATE DATABASE karcis OWNER cloudsqlsuperuser")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", _as(PIPELINE, server))
        patch.setenv("GOOGLE_CLOUD_PROJECT", "example-karcis")
        patch.delenv("DATABASE_ROLE", raising=False)
        settings.cache_clear()
        clients.engine.provide(None)
        yield admin
        clients.engine().dispose()
        clients.engine.provide(None)
    settings.cache_clear()
    admin.dispose()


def _as(login: str, server: Postgres) -> str:
    return server.url("karcis").replace("postgres@", login.replace("@", "%40") + "@")


def test_the_pipeline_migrates_a_new_database_and_gives_functions_their_rights(
    owner: Engine, monkeypatch: pytest.MonkeyPatch
):
    with owner.begin() as tx:
        for login in privileges.logins().values():
            tx.exec_driver_sql(f'CREATE ROLE "{login}" LOGIN IN ROLE cloudsqliamserviceaccount')
    assert migrate.run("expand") is not None
    monkeypatch.setattr("sys.argv", ["privileges", "grant"])
    assert privileges.main() == 0
    with clients.engine().begin() as tx:
        assert tx.execute(text("SELECT current_user")).scalar_one() == PIPELINE
        owners = tx.execute(text("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")).scalars()
        assert list(owners) == [PIPELINE], "it must be able to change them later"
    with owner.begin() as tx:
        assert tx.execute(
            text("SELECT pg_has_role(:login, 'karcis_reserve', 'USAGE')"), {"login": privileges.logins()["reserve"]}
        ).scalar_one()


def test_no_function_is_given_rights_while_one_is_a_superuser_of_cloud_sql(
    owner: Engine, monkeypatch: pytest.MonkeyPatch
):
    login = privileges.logins()["reserve"]
    monkeypatch.setattr("sys.argv", ["privileges", "grant"])
    with owner.begin() as tx:
        tx.exec_driver_sql(f'GRANT cloudsqlsuperuser TO "{login}"')
    with pytest.raises(privileges.UnexpectedMembership, match=f"{login} is a member of cloudsqlsuperuser"):
        privileges.main()
    with owner.begin() as tx:
        tx.exec_driver_sql(f'REVOKE cloudsqlsuperuser FROM "{login}"')
    assert privileges.main() == 0


def test_an_operator_reads_for_as_long_as_the_owner_lets_them(owner: Engine, server: Postgres):
    operator = "you@example.com"
    with owner.begin() as tx:
        tx.exec_driver_sql(f'CREATE ROLE "{operator}" LOGIN')
    engine = backups.engine_of(_as(operator, server))
    look = text("SELECT count(*) FROM orders")
    statement.run(f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{operator}"')
    with engine.connect() as connection:
        assert connection.execute(look).scalar_one() == 0
    statement.run(f'REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM "{operator}"')
    with engine.connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(look)
    engine.dispose()


def test_a_statement_says_how_many_rows_it_touched(owner: Engine, tmp_path, monkeypatch, capsys):
    file = tmp_path / "incident.sql"
    file.write_text("UPDATE manual_tasks SET done_at = now()\nWHERE kind LIKE '%:x' AND id = gen_random_uuid()::uuid\n")
    monkeypatch.setattr("sys.argv", ["statement", str(file)])
    assert statement.main() == 0
    assert capsys.readouterr().out == "done: 0 rows\n"
