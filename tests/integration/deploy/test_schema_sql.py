"""schemas/schema.sql shows the database as the migrations leave it, schemas/privileges.sql who may do what in it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local.postgres import Postgres
from schemas import sql


@pytest.mark.parametrize(("file", "document"), [(sql.FILE, sql.document), (sql.PRIVILEGES, sql.privileges)])
def test_the_file_is_what_the_migrations_make(postgres: Postgres, file: Path, document: Callable[[Path, str], str]):
    written = file.read_text(encoding="utf-8")
    made = document(postgres.bin_dir, postgres.url("template"))
    if sql.major(made) != sql.major(written):
        pytest.skip(f"pg_dump {sql.major(made)} writes otherwise than {sql.major(written)}, of which the file is")
    assert made == written, f"run `python -m schemas.sql` and commit {file.name}"
