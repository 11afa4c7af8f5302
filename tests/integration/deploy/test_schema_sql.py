"""schemas/schema.sql shows the database as the migrations leave it."""

import pytest

from infra.local.postgres import Postgres
from schemas import sql


def test_the_file_is_what_the_migrations_make(postgres: Postgres):
    written = sql.FILE.read_text(encoding="utf-8")
    made = sql.document(postgres.bin_dir, postgres.url("template"))
    if sql.major(made) != sql.major(written):
        pytest.skip(f"pg_dump {sql.major(made)} writes otherwise than {sql.major(written)}, of which the file is")
    assert made == written, "run `python -m schemas.sql` and commit schemas/schema.sql"
