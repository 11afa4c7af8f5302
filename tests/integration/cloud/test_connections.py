"""Connections of the pool: alive when they are given out, and without a transaction.

On a laptop SQLAlchemy connects by `pg8000.legacy`; in the cloud Cloud SQL's connector does, by `pg8000.dbapi`.
"""

import socket
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pg8000.dbapi
import pytest
from pg8000.exceptions import DatabaseError, InterfaceError
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import DisconnectionError

from shared.cloud import clients
from shared.cloud.database import autocommit, snapshot, transaction
from tests.factories import a_user


def as_the_connector_does(url: str, session: dict[str, str]) -> Callable[[], Any]:
    at = make_url(url)
    where = {"database": at.database, "unix_sock": at.query["unix_sock"], "ssl_context": False}
    return lambda: pg8000.dbapi.connect(at.username, startup_params=session, **where)


@pytest.fixture(params=["on a laptop", "in the cloud"])
def engine(database: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The product's engine, with one connection."""
    if request.param == "in the cloud":
        monkeypatch.setattr(clients, "_cloud_sql_creator", lambda session, _: as_the_connector_does(database, session))
    made = clients.make_engine(url=database if request.param == "on a laptop" else "", instance="p:r:i")
    before = clients.engine()
    clients.engine.provide(made)
    yield made
    made.dispose()
    clients.engine.provide(before)


def backend(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(text("SELECT pg_backend_pid()")).scalar_one()


def end(pid: int) -> None:
    other = clients.make_engine()
    with other.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pid})
    other.dispose()


def idle_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "ALIVE_SECONDS", 0.0)


def test_a_connection_that_was_cut_while_nobody_used_it_is_replaced(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    first = backend(engine)
    end(first)
    idle_for_long(monkeypatch)
    assert backend(engine) != first


def test_what_was_one_transaction_is_kept_whether_or_not_the_connection_was_asked(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    idle_for_long(monkeypatch)
    backend(engine)
    with autocommit() as tx:
        user = a_user(tx)
    with transaction() as tx:
        assert tx.execute(text("SELECT count(*) FROM users WHERE id = :id"), {"id": user.id}).scalar_one() == 1


@pytest.mark.parametrize("begin", [autocommit, snapshot, transaction])
def test_a_connection_is_given_out_without_a_transaction(engine: Engine, begin: Any, monkeypatch: pytest.MonkeyPatch):
    idle_for_long(monkeypatch)
    for _ in range(2):
        with engine.connect() as connection:
            assert not connection.connection.driver_connection._in_transaction
        with begin() as tx:
            tx.execute(text("SELECT 1"))


@pytest.mark.parametrize(("seconds", "is_asked"), [(0.0, True), (600.0, False)])
def test_only_a_connection_that_was_idle_is_asked(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, seconds: float, is_asked: bool
):
    asked: list[str] = []
    monkeypatch.setattr(clients, "ALIVE_SECONDS", seconds)
    monkeypatch.setattr(clients, "_execute_alone", lambda _, statement: asked.append(statement))
    backend(engine)
    assert asked == []  # it is new
    backend(engine)
    assert ("SELECT 1" in asked) is is_asked


def test_a_silent_database_is_noticed(database: str):
    at = make_url(database)
    engine = clients.make_engine(url=at.set(query={}).render_as_string(hide_password=False))
    with engine.connect() as connection:
        taken = connection.connection.driver_connection._usock
        options = (socket.SO_KEEPALIVE, socket.TCP_KEEPIDLE, socket.TCP_USER_TIMEOUT)
        levels = (socket.SOL_SOCKET, socket.IPPROTO_TCP, socket.IPPROTO_TCP)
        kept = [taken.getsockopt(level, option) for level, option in zip(levels, options, strict=True)]
    engine.dispose()
    assert kept == [1, 60, 20_000]


@pytest.mark.parametrize(
    ("error", "is_only_this_one"),
    [(DatabaseError({"C": "57014", "M": "statement timeout"}), True), (InterfaceError("network error"), False)],
)
def test_a_database_that_is_slow_to_say_so_is_no_reason_to_connect_all_anew(
    monkeypatch: pytest.MonkeyPatch, error: Exception, is_only_this_one: bool
):
    def fails(*_: Any) -> None:
        raise error

    monkeypatch.setattr(clients, "_execute_alone", fails)
    with pytest.raises(DisconnectionError) as raised:
        clients._ping_if_idle(None, SimpleNamespace(info={"used_at": float("-inf")}), None)
    assert raised.value.invalidate_pool is not is_only_this_one
