"""The phases on a real database (M-009)."""

from uuid import uuid4

import pytest

from infra.deploy import migrate
from infra.local.postgres import Postgres
from shared.cloud import clients
from shared.cloud.settings import settings


@pytest.fixture
def empty(postgres: Postgres, monkeypatch: pytest.MonkeyPatch):
    """A database in which nothing is, used as its owner uses it."""
    name = f"empty_{uuid4().hex[:12]}"
    postgres.create_database(name)
    monkeypatch.setenv("DATABASE_URL", postgres.url(name))
    monkeypatch.delenv("DATABASE_ROLE", raising=False)
    settings.cache_clear()
    clients.engine.provide(None)
    yield
    clients.engine().dispose()
    clients.engine.provide(None)
    settings.cache_clear()
    postgres.drop_database(name)


def test_a_new_database_gets_everything_and_a_current_one_nothing(empty):
    assert migrate.run("expand") is not None
    assert migrate.run("expand") is None
    assert migrate.run("contract") is None


def test_it_tells_what_is_pending_and_what_can_not_come_back(empty):
    database, *pending, back = migrate.status()
    assert database == "database: empty"
    assert pending[0] == "pending: 0001 expands"
    assert back == "going back: to any code"
    newest = migrate.run("expand")
    database, back = migrate.status()
    assert database == f"database: {newest}"
    assert back.startswith("going back: ")
