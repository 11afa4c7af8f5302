"""Transactions commit, roll back or get lost, with what they have put off (PS-026)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.cloud import outbox
from shared.cloud.clients import engine, make_engine
from shared.cloud.database import Transaction, after_commit, autocommit, snapshot, transaction
from shared.models import ResponseModel
from shared.web import App, rendering
from tests.factories import a_user
from tests.unit.web.apps import call

pytestmark = pytest.mark.usefixtures("database")


class Counts(ResponseModel):
    """The number of users, counted twice."""

    first: int
    second: int


def backend(tx: Transaction) -> int:
    return tx.execute(text("SELECT pg_backend_pid()")).scalar_one()


def isolation(tx: Transaction) -> str:
    return tx.execute(text("SHOW transaction_isolation")).scalar_one()


def lose(tx: Transaction) -> None:
    """End the connection of `tx`, as a failover does, and use it."""
    pid = backend(tx)
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


def fail(tx: Transaction) -> None:
    a_user(tx)
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
    assert rendering.problem_of(lost.value).status == 503


def test_a_database_that_goes_away_right_after_the_commit_makes_no_failure_of_what_is_committed(
    monkeypatch: pytest.MonkeyPatch,
):
    done: list[str] = []
    run_id = uuid4()

    def add_message(tx: Transaction) -> None:
        outbox.add(tx, "payment.success", {"order_id": run_id})
        after_commit(tx, lambda: done.append("done"))

    @contextmanager
    def lost_connection() -> Iterator[Transaction]:
        with autocommit() as tx:
            lose(tx)
            yield tx

    with monkeypatch.context() as patched:
        patched.setattr(outbox, "autocommit", lost_connection)
        with transaction() as tx:
            add_message(tx)
    assert done == ["done"]
    with transaction() as tx:
        query = "SELECT published_at IS NULL FROM outbox WHERE payload ->> 'order_id' = :id"
        assert tx.execute(text(query), {"id": str(run_id)}).scalar_one()
        tx.execute(text("UPDATE outbox SET created_at = now() - interval '5 minutes', claimed_until = NULL"))
    assert outbox.sweep() > 0
    assert outbox.sweep() == 0


def test_after_a_lost_connection_the_next_transaction_has_another():
    with pytest.raises((DBAPIError, ConnectionError)), transaction() as tx:
        lose(tx)
    with transaction() as tx:
        assert tx.execute(text("SELECT 1")).scalar_one() == 1


def count_users(tx: Transaction) -> int:
    return tx.execute(text("SELECT count(*) FROM users")).scalar_one()


def test_a_snapshot_sees_one_moment_whatever_is_committed_meanwhile():
    with snapshot() as tx:
        before = count_users(tx)
        with transaction() as other:
            a_user(other)
        assert count_users(tx) == before
    with snapshot() as tx:
        assert count_users(tx) == before + 1


def test_a_snapshot_keeps_what_is_added_and_forgets_it_after_an_error():
    with snapshot() as tx:
        before = count_users(tx)
        a_user(tx)
    with pytest.raises(LookupError), snapshot() as tx:
        fail(tx)
    with transaction() as tx:
        assert count_users(tx) == before + 1


def test_after_a_snapshot_its_connection_reads_what_is_committed():
    engine().dispose()  # then there is one connection, and both use it
    with snapshot() as tx:
        assert isolation(tx) == "repeatable read"
        of_the_snapshot = backend(tx)
    with transaction() as tx:
        assert (backend(tx), isolation(tx)) == (of_the_snapshot, "read committed")


def test_an_answer_to_a_get_is_of_one_moment():
    app = App("counting")

    @app.get("/counts", anybody=True)
    def read(tx: Transaction) -> Counts:
        first = count_users(tx)
        with transaction() as other:
            a_user(other)
        return Counts(first=first, second=count_users(tx))

    seen = call(app.entry_point(), "GET", "/api/v1/counts").get_json()
    assert seen["first"] == seen["second"]
