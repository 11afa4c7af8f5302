"""Charts: columns as high as their values are large, and bars as long as their share."""

import itertools

import pytest

from shared.site import charts
from shared.site.charts import HEIGHT, WIDTH


def test_the_largest_value_fills_the_height_and_half_of_it_half():
    heights = [column.height for column in charts.columns([50, 100, 0])]
    assert heights == [HEIGHT / 2, HEIGHT, 0]


def test_columns_stand_on_the_ground_and_beside_each_other():
    drawn = charts.columns(list(range(40)))
    assert all(column.y + column.height == pytest.approx(HEIGHT, abs=0.02) for column in drawn)
    assert all(one.x + one.width <= other.x for one, other in itertools.pairwise(drawn))
    assert drawn[-1].x + drawn[-1].width <= WIDTH


@pytest.mark.parametrize("values", [[], [0, 0], [-5, 0]])
def test_nothing_above_zero_has_no_height(values: list[int]):
    assert [column.height for column in charts.columns(values)] == [0] * len(values)


@pytest.mark.parametrize(("part", "whole", "length"), [(1, 4, 25), (0, 4, 0), (4, 4, 100), (5, 4, 100), (0, 0, 0)])
def test_a_share_is_never_longer_than_the_whole(part: int, whole: int, length: float):
    assert charts.share(part, whole) == length
