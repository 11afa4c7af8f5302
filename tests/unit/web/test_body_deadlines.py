"""Bodies that are waited for end: those that are late, and where it is crowded all but one of each address."""

import socket

import pytest

from shared.web.body_deadlines import (
    BODY_SECONDS,
    CROWDED_IDLE_SECONDS,
    DISCARDED_IDLE_SECONDS,
    MIN_BYTES_PER_SECOND,
    BodyRead,
    late_reads,
)

NOW = 1_000.0
LONG = CROWDED_IDLE_SECONDS + 0.01


def reading(address: str = "a", *, age: float = LONG, idle: float | None = None, received: int = 0) -> BodyRead:
    """A body that is read since `age` seconds, of which nothing came for `idle` seconds."""
    return BodyRead(socket.socket(), address, NOW - age, NOW - (age if idle is None else idle), received)


@pytest.mark.parametrize(
    ("waiting", "is_over"),
    [
        (reading(age=BODY_SECONDS - 0.1), False),
        (reading(age=BODY_SECONDS + 0.1), True),
        (reading(age=BODY_SECONDS + 0.1, idle=0.0, received=100), True),
        (reading(age=BODY_SECONDS + 1.9, idle=0.0, received=2 * MIN_BYTES_PER_SECOND), False),
        (reading(age=BODY_SECONDS + 2.1, idle=0.0, received=2 * MIN_BYTES_PER_SECOND), True),
    ],
)
def test_a_body_has_five_seconds_and_one_more_for_each_that_its_least_rate_has_filled(waiting, is_over):
    assert (late_reads([waiting], NOW, max_waiting=4) == [waiting]) == is_over


def test_what_nobody_wants_ends_as_soon_as_nothing_comes():
    discarded = reading()
    discarded.shorten_deadline()
    assert late_reads([discarded], discarded.begun + DISCARDED_IDLE_SECONDS / 2, 4) == []
    assert late_reads([discarded], discarded.begun + DISCARDED_IDLE_SECONDS + 0.01, 4) == [discarded]


def test_where_it_is_crowded_one_of_each_address_goes_on():
    first, second, other = reading("a", age=2), reading("a", age=1), reading("b")
    assert late_reads([second, other, first], NOW, max_waiting=2) == [second]


def test_no_more_bodies_are_waited_for_than_may_be_however_many_addresses_there_are():
    crowd = [reading(f"{n}", age=LONG + n / 10) for n in range(6)]
    assert late_reads(crowd, NOW, max_waiting=2) == [crowd[n] for n in (3, 2, 1, 0)]


def test_who_has_just_begun_or_keeps_sending_goes_on_in_a_crowd():
    crowd = [reading("a", age=0.1), reading("a", age=2, idle=0.1), reading("a", age=3)]
    assert late_reads(crowd, NOW, max_waiting=1) == []
