"""A waiting room calls as many as can be served: by what is free, who is choosing, and how reserving does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.sales.reserve_load import ReserveLoad
from shared.waiting_room import pacing
from shared.waiting_room.pacing import EventNow, Queue

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
SELLING = EventNow(
    status="published",
    opens_at=NOW - timedelta(hours=1),
    is_drawn=True,
    is_over=False,
    is_on_sale=True,
    is_sold_later=False,
    free_units=100,
    held_units=0,
)


@pytest.mark.parametrize(
    ("change", "phase"),
    [
        ({}, "serving"),
        ({"opens_at": NOW + timedelta(minutes=1)}, "not_open"),
        ({"is_drawn": False}, "gathering"),
        ({"free_units": 0, "held_units": 3}, "all_held"),
        ({"free_units": 0}, "sold_out"),
        ({"free_units": 0, "is_sold_later": True}, "paused"),
        ({"is_on_sale": False}, "paused"),
        ({"status": "draft"}, "paused"),
        ({"is_over": True}, "ended"),
        ({"status": "cancelled"}, "cancelled"),
        ({"opens_at": None}, "lifted"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_phase(change: dict[str, Any], phase: str):
    assert pacing.phase(replace(SELLING, **change), NOW) == phase


@pytest.mark.parametrize(
    ("due", "queue", "called"),
    [
        (20.9, Queue(1_000, 0, 1.0), 20),
        (500, Queue(1_000, 0, 1.0), 100),
        (500, Queue(1_000, 60, 1.0), 40),
        (500, Queue(1_000, 0, 2.0), 50),
        (500, Queue(1_000, 0, 300.0), 1),
        (500, Queue(1_000, 100, 1.0), 0),
        (500, Queue(7, 0, 1.0), 7),
        (0.5, Queue(1_000, 0, 1.0), 0),
    ],
    ids=["rate", "free", "choosing", "units per order", "a last order", "all choosing", "waiting", "none due"],
)
def test_the_calls(due: float, queue: Queue, called: int):
    assert pacing.calls(due, SELLING, queue) == called


def test_nobody_is_called_for_what_is_not_there():
    assert pacing.calls(500, replace(SELLING, free_units=0), Queue(1_000, 0, 1.0)) == 0


def test_the_rate_falls_by_a_third_while_reserving_is_slow_or_fails_and_rises_by_steps():
    assert pacing.next_rate(900, ReserveLoad(10, 0, 6_000)) == 600
    assert pacing.next_rate(900, ReserveLoad(10, 1, 100)) == 600
    assert pacing.next_rate(900, ReserveLoad(10, 0, 100)) == 960
    assert pacing.next_rate(900, ReserveLoad()) == 960
    assert pacing.next_rate(pacing.MAX_CALLS_PER_MINUTE, ReserveLoad()) == pacing.MAX_CALLS_PER_MINUTE
    assert pacing.next_rate(pacing.MIN_CALLS_PER_MINUTE, ReserveLoad(1, 1, 1)) == pacing.MIN_CALLS_PER_MINUTE


def test_a_pause_is_not_made_up_for_by_a_burst():
    assert pacing.credit(0, 3_600, 600) == 100
    assert pacing.credit(0.5, 2, 600) == 20.5
    assert pacing.credit(0.5, -2, 600) == 0.5
