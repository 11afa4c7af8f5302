"""What becomes of a transaction, and of what it put off, when it ends or is lost."""

from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.cloud.clients import make_engine
from shared.cloud.database import Transaction, after_commit, transaction
from shared.web import rendering

pytestmark = pytest.mark.usefixtures("database")


def lose(tx: Transaction) -> None:
    """End the connection of `tx`, as a failover does, and use it."""
    pid = tx.execute(text("SELECT pg_backend_pid()")).scalar_one()
    owner = make_engine()
    with owner.connect() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pid})
    owner.dispose()
    tx.execute(text("SELECT 1"))
    tx.execute(text("SELECT 1"))


def put_off_and(end: Callable[[Transaction], None], done: list[str]) -> None:
    with transaction() as tx:
        after_commit(tx, lambda: done.append("done"))
        end(tx)
        assert done == []


def fail(_: Transaction) -> None:
    raise LookupError


def test_what_was_put_off_is_done_after_the_commit():
    done: list[str] = []
    put_off_and(lambda _: None, done)
    assert done == ["done"]


def test_after_a_roll_back_it_is_never_done():
    done: list[str] = []
    with pytest.raises(LookupError):
        put_off_and(fail, done)
    assert done == []


def test_a_lost_connection_is_told_as_such_and_nothing_put_off_is_done():
    done: list[str] = []
    with pytest.raises((DBAPIError, ConnectionError)) as lost:
        put_off_and(lose, done)
    assert done == []
    assert rendering.expected(lost.value).status == 503


def test_after_a_lost_connection_the_next_transaction_has_another():
    with pytest.raises((DBAPIError, ConnectionError)), transaction() as tx:
        lose(tx)
    with transaction() as tx:
        assert tx.execute(text("SELECT 1")).scalar_one() == 1
