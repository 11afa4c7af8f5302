"""A sale that is big enough and near enough keeps a release waiting."""

from datetime import UTC, datetime, timedelta

import pytest

from infra.deploy.freeze import AFTER, BEFORE, blocking_openings
from shared.catalog.openings import MIN_SEATS, Opening

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "seats", "is_blocking"),
    [
        (NOW, MIN_SEATS, True),
        (NOW + BEFORE, MIN_SEATS, True),
        (NOW + BEFORE + timedelta(seconds=1), MIN_SEATS, False),
        (NOW - AFTER, MIN_SEATS, True),
        (NOW - AFTER - timedelta(seconds=1), MIN_SEATS, False),
        (NOW, MIN_SEATS - 1, False),
    ],
)
def test_a_big_opening_around_now_is_in_the_way(at: datetime, seats: int, is_blocking: bool):
    assert bool(blocking_openings([Opening("Konser", at, seats)], NOW)) is is_blocking
