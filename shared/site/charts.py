"""Charts as SVG: their geometry, in units of the drawing. What they show is also in a table beside them."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 100.0
HEIGHT = 40.0
_GAP = 0.2
"""The part of a column's room that stays empty."""
_MIN_COLUMNS = 12
"""A chart of fewer is not filled: its columns would be too wide to compare."""


@dataclass(frozen=True)
class Column:
    """A column of a chart: a rectangle, upwards from the bottom."""

    x: float
    y: float
    width: float
    height: float


def columns(values: Sequence[int]) -> list[Column]:
    """A column for each value, the largest as high as the chart; what is not above zero has no height."""
    most = max([*values, 1])
    room = WIDTH / max(len(values), _MIN_COLUMNS)
    heights = [round(max(value, 0) * HEIGHT / most, 2) for value in values]
    return [
        Column(round(number * room, 2), round(HEIGHT - height, 2), round(room * (1 - _GAP), 2), height)
        for number, height in enumerate(heights)
    ]


def share(part: int, whole: int) -> float:
    """The share of a part in a whole, in units of a bar that is WIDTH long."""
    return round(min(max(part, 0) / whole, 1) * WIDTH, 2) if whole > 0 else 0.0
