"""Callers are counted by all instances together, through a real Firestore protocol, and by each alone without it."""

import logging
from collections.abc import Iterator
from functools import partial
from uuid import uuid4

import pytest

from infra.local.postgres import Postgres
from shared.cloud import clients, counters
from shared.cloud.counters import CountersUnavailable
from shared.web.rate_limiter import Limit, RateLimiter
from tests.conformance.local_cloud import LocalCloud, running
from tests.processes import starts_processes
from tests.threads import at_the_same_time

WRITES, READS, STRICT = Limit("writes", 20), Limit("reads", 100), Limit("credentials", 10, is_strict=True)
NOON = 1_800_000_000.0  # the begin of a minute


class Clock:
    """A clock that stands until it is put forward."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
@starts_processes
def cloud(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    postgres.create_database("limits_cloud")
    with running(postgres.url("limits_cloud"), tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(autouse=True)
def firestore(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", cloud.grpc_address)
    monkeypatch.setattr(counters, "TIMEOUT_SECONDS", 5)  # the machine may be busy; only one test is about slowness
    monkeypatch.setattr(counters, "FIRST_TIMEOUT_SECONDS", 5)
    clients.firestore.provide(None)
    counters.reset()
    yield
    clients.firestore.provide(None)
    counters.reset()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def caller() -> str:
    return f"user {uuid4()}"


def let_in(meter: RateLimiter, limit: Limit, *callers: str, tries: int) -> int:
    return sum(meter.spend(limit, callers).wait_seconds == 0 for _ in range(tries))


@pytest.mark.parametrize("limit", [WRITES, READS, STRICT], ids=lambda limit: limit.name)
def test_one_instance_lets_in_exactly_the_limit(clock, caller, limit):
    meter = RateLimiter(clock)
    assert let_in(meter, limit, caller, tries=limit.per_minute + 5) == limit.per_minute
    assert let_in(meter, limit, f"{caller} and another", tries=1) == 1


def test_reads_and_writes_are_counted_apart(clock, caller):
    meter = RateLimiter(clock)
    assert let_in(meter, WRITES, caller, tries=21) == 20
    assert let_in(meter, READS, caller, tries=1) == 1


@pytest.mark.parametrize(("limit", "gain"), [(WRITES, 1), (READS, 8), (STRICT, 0)], ids=lambda each: str(each))
def test_another_instance_gives_a_caller_no_more_than_what_it_keeps_to_itself(clock, caller, limit, gain):
    first, second = RateLimiter(clock), RateLimiter(clock)
    allowed = let_in(first, limit, caller, tries=150) + let_in(second, limit, caller, tries=150)
    assert limit.per_minute <= allowed <= limit.per_minute + gain


def test_the_same_when_a_caller_is_served_by_many_at_once(clock, caller):
    meters = [RateLimiter(clock) for _ in range(4)]
    allowed = at_the_same_time([partial(let_in, meter, STRICT, caller, tries=8) for meter in meters])
    assert sum(allowed) == 10


def test_who_waits_as_told_is_let_in_again(clock, caller):
    meter = RateLimiter(clock)
    let_in(meter, WRITES, caller, tries=20)
    wait = meter.spend(WRITES, [caller]).wait_seconds
    clock.now += wait - 1.1
    assert meter.spend(WRITES, [caller]).wait_seconds
    clock.now = NOON + wait
    assert meter.spend(WRITES, [caller]).wait_seconds == 0


def test_another_instance_knows_of_the_minute_before(clock, caller):
    let_in(RateLimiter(clock), STRICT, caller, tries=10)
    clock.now += 61
    assert let_in(RateLimiter(clock), STRICT, caller, tries=10) <= 1


def test_a_request_counts_for_each_of_its_names(clock, caller):
    meter = RateLimiter(clock)
    allowed = sum(let_in(meter, STRICT, f"address {n}", f"email {caller}", tries=4) for n in range(5))
    assert allowed == 10


def test_a_refusal_is_remembered_without_asking(clock, caller, monkeypatch):
    meter = RateLimiter(clock)
    let_in(meter, STRICT, caller, tries=11)
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    clients.firestore.provide(None)
    assert meter.spend(STRICT, [caller]).wait_seconds


def test_an_outage_lets_usual_requests_in_up_to_the_limit_and_strict_ones_not_at_all(
    clock, caller, monkeypatch, caplog
):
    monkeypatch.setattr(counters, "FIRST_TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(counters, "TIMEOUT_SECONDS", 0.3)
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    clients.firestore.provide(None)
    meter = RateLimiter(clock)
    with caplog.at_level(logging.WARNING):
        assert let_in(meter, WRITES, caller, tries=25) == 20
    assert [record.message for record in caplog.records] == ["limits.unavailable"]  # asked once, then left alone
    with pytest.raises(CountersUnavailable):
        meter.spend(STRICT, [caller])


def test_what_could_not_be_told_is_told_later(clock, caller, cloud, monkeypatch):
    meter = RateLimiter(clock)
    with monkeypatch.context() as outage:
        outage.setattr(counters, "FIRST_TIMEOUT_SECONDS", 0.3)
        outage.setattr(counters, "TIMEOUT_SECONDS", 0.3)
        outage.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
        clients.firestore.provide(None)
        let_in(meter, WRITES, caller, tries=12)
    clients.firestore.provide(None)
    counters.reset()
    let_in(meter, WRITES, caller, tries=1)
    assert let_in(RateLimiter(clock), WRITES, caller, tries=20) <= 20 - 13 + 1
