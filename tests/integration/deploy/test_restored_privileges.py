"""R-006: a database restored from an export where nobody of ours is a superuser lets the product do what it could."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from infra.deploy import backups, privileges
from infra.local.postgres import Postgres
from schemas import sql
from tests.folders import a_folder

PIPELINE = "pipeline-release@example-karcis.iam"


@pytest.fixture(scope="module")
def restored(postgres: Postgres) -> Iterator[tuple[Postgres, Engine]]:
    """An export in a fresh server, whose tables belong to Cloud SQL's superuser, and the pipeline's login there."""
    with a_folder() as folder, Postgres(folder / "server") as server:
        file = backups.export(postgres.url("template"), folder / "karcis.sql.gz", postgres.bin_dir).file
        with server.engine("postgres", isolation_level="AUTOCOMMIT").connect() as admin:
            admin.exec_driver_sql("CREATE ROLE cloudsqlsuperuser CREATEROLE CREATEDB LOGIN")
            admin.exec_driver_sql(f'CREATE ROLE "{PIPELINE}" LOGIN IN ROLE cloudsqlsuperuser')
            admin.exec_driver_sql("CREATE DATABASE karcis OWNER cloudsqlsuperuser")
        url = server.url("karcis")
        backups.load(file, url.replace("postgres@", "cloudsqlsuperuser@"), server.bin_dir)
        pipeline = backups.engine_of(url.replace("postgres@", f"{PIPELINE.replace('@', '%40')}@"))
        yield server, pipeline
        pipeline.dispose()


def test_an_export_names_nobody(restored: tuple[Postgres, Engine]):
    server, pipeline = restored
    assert "GRANT" not in sql.privileges(server.bin_dir, server.url("karcis"))
    with pipeline.connect() as tx:
        named = tx.execute(
            text("SELECT rolname FROM pg_roles WHERE rolname = ANY(:roles)"), {"roles": privileges.exported_roles()}
        )
        assert not named.all()


def test_the_product_may_do_what_it_could_and_no_more(restored: tuple[Postgres, Engine]):
    server, pipeline = restored
    for _ in range(2):
        with pipeline.begin() as tx:
            privileges.restore(tx)
    assert sql.privileges(server.bin_dir, server.url("karcis")) == sql.PRIVILEGES.read_text(encoding="utf-8")


def test_nothing_of_the_file_is_left_out():
    lines = privileges.EXPORTED_PRIVILEGES.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith("--")] == privileges.exported()
