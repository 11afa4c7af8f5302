"""An Idempotency-Key gives one effect and one answer, however many ask with it, and when (PS-027)."""

import hashlib
from collections import Counter
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from flask import Response
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.problems import IdempotencyMismatch, Invalid, Problem, TryAgain
from shared.web import idempotency
from shared.web.idempotency import IdempotencyInProgress
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")


class Work:
    """Something that must be done once."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()

    def asked(self, caller: UUID, key: str, body: str = "body", status: int = 201) -> Response | Problem:
        """The response to a request with a key."""

        def act() -> Response:
            self.done[key] += 1
            return Response(f"{body} of {key}", status=status, content_type="text/plain")

        try:
            return idempotency.run_once(caller, key, body.encode(), act)
        except Problem as refusal:
            return refusal


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def caller() -> UUID:
    return uuid4()


def answered(answer: Response | Problem) -> tuple[int, str]:
    assert isinstance(answer, Response), answer
    return answer.status_code, answer.get_data(as_text=True)


def let_pass(caller: UUID) -> None:
    """Nobody comes back to keep an answer: the process has died, a minute ago."""
    with transaction() as tx:
        tx.execute(
            text("UPDATE idempotency_keys SET locked_until = now() - interval '1 second' WHERE caller = :caller"),
            {"caller": caller},
        )


def begin_and_die(caller: UUID, key: str, body: str) -> None:
    """Leave behind the key of a process that ended in the middle."""
    with transaction() as tx:
        tx.execute(
            text("INSERT INTO idempotency_keys VALUES (:caller, :key, :hash, now() + interval '1 minute')"),
            {"caller": caller, "key": key, "hash": hashlib.sha256(body.encode()).hexdigest()},
        )


def test_the_second_time_the_first_answer_is_given_and_nothing_is_done(work: Work, caller: UUID):
    first, second = work.asked(caller, "a", status=409), work.asked(caller, "a", status=409)
    assert answered(first) == answered(second) == (409, "body of a")
    assert work.done == {"a": 1}


def test_of_many_at_once_with_one_key_one_is_done(work: Work, caller: UUID):
    answers = at_the_same_time([lambda: work.asked(caller, "a")] * 16)
    assert work.done == {"a": 1}
    assert all(isinstance(answer, IdempotencyInProgress | Response) for answer in answers)
    assert any(isinstance(answer, Response) for answer in answers)


def test_many_at_once_with_keys_of_their_own_are_all_done_and_answered_again(work: Work):
    asks: list[Callable[[], Response | Problem]] = [lambda n=n: work.asked(uuid4(), f"{n}") for n in range(32)]
    assert [answered(answer) for answer in at_the_same_time(asks)] == [(201, f"body of {n}") for n in range(32)]
    assert set(work.done.values()) == {1}


def test_the_same_key_of_somebody_else_is_another_key(work: Work, caller: UUID):
    at_the_same_time([lambda: work.asked(caller, "a"), lambda: work.asked(uuid4(), "a")])
    assert work.done == {"a": 2}


def test_with_another_body_it_is_refused(work: Work, caller: UUID):
    work.asked(caller, "a")
    assert isinstance(work.asked(caller, "a", body="another"), IdempotencyMismatch)


def test_of_two_bodies_at_once_one_is_done(work: Work, caller: UUID):
    answers = at_the_same_time([lambda n=n: work.asked(caller, "a", body=str(n % 2)) for n in range(8)])
    assert work.done == {"a": 1}
    assert any(isinstance(answer, IdempotencyMismatch) for answer in answers)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_be_tried_again_is_not_kept(work: Work, caller: UUID, status: int):
    work.asked(caller, "a", status=status)
    assert answered(work.asked(caller, "a")) == (201, "body of a")


def test_after_a_failure_the_key_is_free(work: Work, caller: UUID):
    def fail() -> Response:
        raise TryAgain

    with pytest.raises(TryAgain):
        idempotency.run_once(caller, "a", b"body", fail)
    assert answered(work.asked(caller, "a")) == (201, "body of a")


def test_a_key_whose_process_died_is_locked_for_a_while_and_then_done_again(work: Work, caller: UUID):
    begin_and_die(caller, "a", "body")
    assert isinstance(work.asked(caller, "a"), IdempotencyInProgress)
    let_pass(caller)
    assert isinstance(work.asked(caller, "a", body="another"), IdempotencyMismatch)
    assert answered(work.asked(caller, "a")) == (201, "body of a")


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\nb"])
def test_a_key_is_printable_and_short(work: Work, caller: UUID, key: str):
    assert isinstance(work.asked(caller, key), Invalid)
    assert not work.done
