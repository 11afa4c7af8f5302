"""Statements are prepared once per connection, and nobody who runs them can tell."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from shared.cloud.prepared_statements import MAX_STATEMENTS, prepare_statements

_PREPARED = "SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%asked%' ORDER BY prepare_time"
_NAMES = text("SELECT name FROM things WHERE number = :number AND name <> '%' -- asked")


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


@pytest.mark.parametrize("microseconds", [0, 500_000, 123_456])
def test_a_moment_comes_back_as_it_was_sent(connection: Connection, microseconds: int):
    moment = datetime(2026, 11, 21, 19, 30, 5, microseconds, tzinfo=UTC)
    connection.exec_driver_sql("SET TIME ZONE 'Asia/Jakarta'")
    assert connection.execute(text("SELECT CAST(:moment AS timestamptz)"), {"moment": moment}).scalar_one() == moment
