"""The task that ends reservations on time: one per five seconds, asked for once, and never in a sale's way."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.sales import expiry

MOMENT = datetime(2026, 11, 21, 13, 0, 2, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nothing_remembered():
    expiry._scheduled.clear()


def test_all_that_ends_in_the_same_five_seconds_shares_a_task_due_after_them(scheduled):
    for milliseconds in (0, 700, 2900):
        expiry.schedule_expiry(MOMENT + timedelta(milliseconds=milliseconds))
    (task,) = scheduled.tasks
    due = task.schedule_time
    assert MOMENT + timedelta(milliseconds=2900) <= due <= MOMENT + timedelta(seconds=expiry.BUCKET_SECONDS + 1)
    assert task.name.endswith(f"/expire-{int(MOMENT.timestamp()) // 5 + 1}")


def test_a_queue_that_does_not_answer_is_not_asked_again_by_every_buyer(scheduled, monkeypatch):
    asked = []

    def silent(*_args, **_kwargs):
        asked.append(1)
        raise expiry.tasks.NotEnqueued("expire")

    monkeypatch.setattr(expiry.tasks, "enqueue", silent)
    for _ in range(5):
        expiry.schedule_expiry(MOMENT)
    assert len(asked) == 1
