"""A sale that is big enough and near enough keeps a release waiting."""

from datetime import UTC, datetime, timedelta

import pytest

from infra.deploy.freeze import AFTER, BEFORE, BIG, Opening, in_the_way

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "seats", "is_in_the_way"),
    [
        (NOW, BIG, True),
        (NOW + BEFORE, BIG, True),
        (NOW + BEFORE + timedelta(seconds=1), BIG, False),
        (NOW - AFTER, BIG, True),
        (NOW - AFTER - timedelta(seconds=1), BIG, False),
        (NOW, BIG - 1, False),
    ],
)
def test_a_big_opening_around_now_is_in_the_way(at: datetime, seats: int, is_in_the_way: bool):
    assert bool(in_the_way([Opening("Konser", at, seats)], NOW)) is is_in_the_way
