"""A queue's retry configuration, as google/cloud/tasks/v2/queue.proto describes it."""

from datetime import timedelta
from typing import Any

import pytest

from infra.local.cloud.policies import AttemptResult, Dead, Done, Retry
from infra.local.cloud.tasks_policy import TasksPolicy, backoff_seconds
from tests.unit.local.deliveries import START, a_delivery


def retry(**changes: float) -> dict[str, Any]:
    usual = {
        "max_attempts": 100,
        "max_retry_seconds": 0,
        "min_backoff_seconds": 1,
        "max_backoff_seconds": 3600,
        "max_doublings": 16,
    }
    return {**usual, **changes}


def verdict(attempt: int, after: timedelta, settings: dict[str, Any], status: int = 500) -> Done | Retry | Dead:
    delivery = a_delivery(attempt=attempt, settings=settings)
    return TasksPolicy().verdict(delivery, AttemptResult(status, at=START + after))


def test_the_backoff_doubles_then_grows_evenly_then_stays() -> None:
    example = retry(min_backoff_seconds=10, max_backoff_seconds=300, max_doublings=3)  # of the API's own manual
    assert [backoff_seconds(example, failures) for failures in range(1, 9)] == [10, 20, 40, 80, 160, 240, 300, 300]


def test_many_failures_do_not_overflow_the_backoff() -> None:
    assert backoff_seconds(retry(max_doublings=10_000), 5_000) == 3600


@pytest.mark.parametrize(
    ("attempt", "after", "settings", "expected"),
    [
        (2, timedelta(days=1), retry(max_attempts=3), Retry(2)),
        (3, timedelta(0), retry(max_attempts=3), Dead()),
        (3, timedelta(seconds=59), retry(max_attempts=3, max_retry_seconds=60), Retry(4)),
        (2, timedelta(seconds=61), retry(max_attempts=3, max_retry_seconds=60), Retry(2)),
        (3, timedelta(seconds=61), retry(max_attempts=3, max_retry_seconds=60), Dead()),
        (9, timedelta(seconds=59), retry(max_attempts=-1, max_retry_seconds=60), Retry(256)),
        (9, timedelta(seconds=61), retry(max_attempts=-1, max_retry_seconds=60), Dead()),
        (9, timedelta(days=9), retry(max_attempts=-1), Retry(256)),
    ],
)
def test_a_task_is_given_up_when_attempts_and_time_are_used_up(
    attempt: int, after: timedelta, settings: dict[str, Any], expected: Retry | Dead
) -> None:
    assert verdict(attempt, after, settings) == expected


@pytest.mark.parametrize("status", [200, 204, 299])
def test_any_2xx_ends_a_task(status: int) -> None:
    assert verdict(3, timedelta(0), retry(max_attempts=3), status) == Done()
