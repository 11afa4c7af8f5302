"""Statements are prepared once per connection, and nobody who runs them can tell."""

import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from pg8000 import core
from pg8000.exceptions import InterfaceError
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from shared.cloud import prepared_statements
from shared.cloud.clients import make_engine
from shared.cloud.prepared_statements import MAX_STATEMENTS, prepare_statements

_PREPARED = "SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%asked%' ORDER BY prepare_time"
_NAMES = text("SELECT name FROM things WHERE number = :number AND name <> '%' -- asked")

_INSERT = text("INSERT INTO things VALUES (:number, 'new')")


@pytest.fixture
def connection(own_database: str) -> Iterator[Connection]:
    """A connection on which every statement is a transaction of its own, with a table of things."""
    engine = create_engine(own_database, isolation_level="AUTOCOMMIT")
    event.listen(engine, "connect", prepare_statements)
    with engine.connect() as connected:
        connected.exec_driver_sql("CREATE TABLE things (number int PRIMARY KEY, name text)")
        connected.exec_driver_sql("INSERT INTO things VALUES (1, 'one'), (2, 'two')")
        yield connected
        connected.exec_driver_sql("DROP TABLE things")
    engine.dispose()


def prepared(connection: Connection) -> list[str]:
    return list(connection.exec_driver_sql(_PREPARED).scalars())


def test_a_statement_is_prepared_once_and_run_with_other_values(connection: Connection):
    assert connection.execute(_NAMES, {"number": 1}).scalars().all() == ["one"]
    assert connection.execute(_NAMES, {"number": 2}).scalars().all() == ["two"]
    assert connection.execute(_NAMES, {"number": 3}).scalars().all() == []
    assert len(prepared(connection)) == 1


def test_a_statement_that_writes_tells_how_many_rows_it_met(connection: Connection):
    rename = text("UPDATE things SET name = :name WHERE number <= :most -- asked")
    assert [connection.execute(rename, {"name": "x", "most": most}).rowcount for most in (0, 1, 2)] == [0, 1, 2]


def test_a_refused_statement_can_be_run_again(connection: Connection):
    insert = text("INSERT INTO things VALUES (:number, 'new') -- asked")
    for _ in range(2):
        with pytest.raises(DBAPIError, match="23505"):
            connection.execute(insert, {"number": 1})
    assert connection.execute(insert, {"number": 3}).rowcount == 1


def test_after_a_migration_changed_what_it_gives_a_statement_fails_once_and_is_prepared_anew(connection: Connection):
    everything = text("SELECT * FROM things WHERE number = :number -- asked")
    connection.execute(everything, {"number": 1})
    connection.exec_driver_sql("ALTER TABLE things ADD COLUMN kind text DEFAULT 'k'")
    with pytest.raises(DBAPIError, match="cached plan"):
        connection.execute(everything, {"number": 1})
    assert connection.execute(everything, {"number": 1}).one() == (1, "one", "k")


def test_the_statement_not_used_for_longest_makes_room(connection: Connection):
    numbered = [
        text(f"SELECT {number} FROM things WHERE number = :number -- asked") for number in range(MAX_STATEMENTS + 1)
    ]
    for statement in (*numbered[:MAX_STATEMENTS], numbered[0], numbered[MAX_STATEMENTS]):
        connection.execute(statement, {"number": 1})
    kept = prepared(connection)
    assert len(kept) == MAX_STATEMENTS
    assert [statement for statement in kept if statement.startswith(("SELECT 0 ", "SELECT 1 "))] == [
        "SELECT 0 FROM things WHERE number = $1 -- asked"
    ]


@pytest.fixture
def transactional(own_database: str) -> Iterator[Connection]:
    """A connection with transactions, and a table of things."""
    engine = make_engine(url=own_database)
    with engine.connect() as connected:
        connected.execute(text("CREATE TABLE things (number int PRIMARY KEY, name text)"))
        connected.commit()
        for _ in range(2):  # from now on both are prepared
            connected.execute(_INSERT, {"number": 1})
            connected.rollback()
        yield connected
    with engine.begin() as last:
        last.execute(text("DROP TABLE things"))
    engine.dispose()


def is_in_transaction(connection: Connection) -> bool:
    return bool(connection.connection.driver_connection._in_transaction)


def numbers(connection: Connection) -> list[int]:
    return list(connection.execute(text("SELECT number FROM things ORDER BY number")).scalars())


def test_a_begin_travels_with_the_first_statement(transactional: Connection, monkeypatch: pytest.MonkeyPatch):
    sent: list[bytes] = []
    write = core._write
    monkeypatch.setattr(core, "_write", lambda sock, message: (sent.append(message), write(sock, message)))
    transactional.execute(_INSERT, {"number": 1})
    transactional.execute(_INSERT, {"number": 2})
    transactional.commit()
    assert ["begin" in str(message) for message in sent] == [True, False, False]
    transactional.execute(_INSERT, {"number": 3})
    transactional.rollback()
    assert numbers(transactional) == [1, 2]


def test_where_the_begin_fails_the_statement_is_not_run(transactional: Connection, monkeypatch: pytest.MonkeyPatch):
    refused = prepared_statements._BEGIN_MESSAGES.replace(b"begin transaction", b"begin transactoin")
    with monkeypatch.context() as wrong:
        wrong.setattr(prepared_statements, "_BEGIN_MESSAGES", refused)
        with pytest.raises(DBAPIError, match="syntax error"):
            transactional.execute(_INSERT, {"number": 1})
    transactional.rollback()
    assert numbers(transactional) == []


def test_a_first_statement_that_fails_is_rolled_back(transactional: Connection):
    with pytest.raises(DBAPIError, match="22012"):
        transactional.execute(text("SELECT 1 / CAST(:zero AS int)"), {"zero": 0})
    assert is_in_transaction(transactional)
    transactional.rollback()
    transactional.execute(_INSERT, {"number": 1})
    transactional.commit()
    assert numbers(transactional) == [1]


def test_a_first_statement_that_can_not_be_sent_leaves_no_begin_behind(transactional: Connection):
    say = text("SELECT CAST(:value AS text)")
    transactional.execute(say, {"value": "whole"})
    transactional.rollback()
    with pytest.raises(UnicodeEncodeError):
        transactional.execute(say, {"value": "\ud800"})  # half a character
    transactional.rollback()
    driver = transactional.connection.driver_connection
    driver.autocommit = True
    driver.cursor().execute("INSERT INTO things VALUES (%s, 'alone')", [7])
    driver.autocommit = False
    assert not is_in_transaction(transactional)
    assert numbers(transactional) == [7]


@pytest.mark.parametrize("is_alone", [False, True], ids=["in a transaction", "alone"])
def test_after_an_answer_that_can_not_be_read_the_next_one_is_ones_own(transactional: Connection, is_alone: bool):
    grow = text("""
        INSERT INTO things VALUES (:number, 'big')
        RETURNING to_jsonb(trunc(CAST(10 AS numeric) ^ CAST(:digits AS int))) AS big
    """)
    for _ in range(2):
        assert transactional.execute(grow, {"number": 1, "digits": 2}).scalar_one() == 100
        transactional.rollback()
    transactional.connection.driver_connection.autocommit = is_alone
    with pytest.raises(DBAPIError, match="network error") as raised:  # more digits than Python reads
        transactional.execute(grow, {"number": 666, "digits": 5000})
    assert raised.value.connection_invalidated
    transactional.rollback()
    asked = text("SELECT CAST(:mine AS text)")
    assert [transactional.execute(asked, {"mine": mine}).scalar_one() for mine in ("a", "b")] == ["a", "b"]
    transactional.commit()
    assert numbers(transactional) == ([666] if is_alone else [])


class TimeIsUp(Exception):
    """As functions-framework raises it in the thread of a request, wherever that is."""


def after(act: Any) -> Any:
    def does(*what: Any) -> None:
        act(*what)
        raise TimeIsUp

    return does


@pytest.mark.parametrize("is_alone", [False, True], ids=["in a transaction", "alone"])
@pytest.mark.parametrize("place", ["_write", "_flush", "_read"])
@pytest.mark.parametrize("statement", ["known", "new", "without parameters", "commit"])
def test_whoever_is_stopped_in_the_middle_leaves_no_answer_behind(
    transactional: Connection, monkeypatch: pytest.MonkeyPatch, statement: str, place: str, is_alone: bool
):
    asked = text("SELECT CAST(:mine AS text)")
    kinds: dict[str, Callable[[], object]] = {
        "known": lambda: transactional.execute(asked, {"mine": "theirs"}),
        "new": lambda: transactional.execute(text("SELECT CAST(:mine AS text), 2"), {"mine": "theirs"}),
        "without parameters": lambda: transactional.execute(text("SELECT 3")),
        "commit": transactional.commit,
    }
    transactional.execute(asked, {"mine": "mine"})
    transactional.commit()
    if statement == "commit":
        transactional.execute(_INSERT, {"number": 1})
    transactional.connection.driver_connection.autocommit = is_alone
    with monkeypatch.context() as stopped:
        stopped.setattr(core, place, after(getattr(core, place)))
        with pytest.raises((TimeIsUp, DBAPIError)):
            kinds[statement]()
    with suppress(DBAPIError):  # the rollback says that the connection is lost
        transactional.close()
    with transactional.engine.connect() as next_user:
        found = [next_user.execute(asked, {"mine": mine}).scalar_one() for mine in ("a", "b", "c")]
        assert found == ["a", "b", "c"]


def test_a_reset_of_the_socket_loses_the_connection_at_once(transactional: Connection, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as cut:
        cut.setattr(core, "_read", lambda *_: (_ for _ in ()).throw(ConnectionResetError(104, "reset")))
        with pytest.raises(DBAPIError, match="network error") as raised:
            transactional.execute(_INSERT, {"number": 1})
    assert raised.value.connection_invalidated
    transactional.rollback()
    assert numbers(transactional) == []


def test_a_commit_needs_no_prepared_statement_and_an_open_connection(transactional: Connection):
    transactional.execute(_INSERT, {"number": 1})
    transactional.execute(text("DEALLOCATE ALL"))
    transactional.commit()
    driver = transactional.connection.driver_connection
    driver.close()
    with pytest.raises(InterfaceError, match="connection is closed"):
        driver.commit()
    transactional.invalidate()
    transactional.rollback()
    assert numbers(transactional) == [1]


def test_a_transaction_in_which_nothing_was_asked_ends(transactional: Connection):
    transactional.rollback()
    driver = transactional.connection.driver_connection
    driver.execute_simple("begin transaction")
    driver.commit()
    assert not driver._in_transaction


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "20000-01-01 00:00:00+00", "0044-03-15 00:00:00+00 BC"])
def test_a_moment_that_python_has_no_date_for_is_text(connection: Connection, moment: str):
    connection.exec_driver_sql("SET TIME ZONE 'UTC'")
    assert connection.execute(text("SELECT CAST(:moment AS timestamptz)"), {"moment": moment}).scalar_one() == moment


def test_a_statement_without_parameters_and_a_copy_are_in_the_transaction_that_they_begin(transactional: Connection):
    driver = transactional.connection.driver_connection
    driver.cursor().execute("INSERT INTO things VALUES (1, 'one')")
    driver.rollback()
    driver.cursor().execute("COPY things FROM STDIN WITH (FORMAT csv)", stream=io.StringIO("2,two\n"))
    driver.rollback()
    assert numbers(transactional) == []


@pytest.mark.parametrize("microseconds", [0, 500_000, 123_456])
def test_a_moment_comes_back_as_it_was_sent(connection: Connection, microseconds: int):
    moment = datetime(2026, 11, 21, 19, 30, 5, microseconds, tzinfo=UTC)
    connection.exec_driver_sql("SET TIME ZONE 'Asia/Jakarta'")
    assert connection.execute(text("SELECT CAST(:moment AS timestamptz)"), {"moment": moment}).scalar_one() == moment
