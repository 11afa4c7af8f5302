"""The points of a report's charts, in units of their drawings. Times are drawn on a scale of powers of ten."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tests.load.recording import OK, Recording, Sample, milliseconds

WIDTH = 360
_LEFT, _RIGHT = 8, 352
_ROW = 34
_PERCENTS = (50, 95, 99)
_BUCKETS = 60
_HEIGHT = 90


@dataclass(frozen=True)
class Scale:
    """Places milliseconds between 1 and `most` on a line."""

    most: float

    def at(self, value: float) -> float:
        """The place of a value."""
        share = math.log10(max(value, 1)) / math.log10(self.most)
        return round(_LEFT + share * (_RIGHT - _LEFT), 1)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """The places of the powers of ten, with their names."""
        powers = range(round(math.log10(self.most)) + 1)
        return [(self.at(10**power), _duration(10**power)) for power in powers]


@dataclass(frozen=True)
class Row:
    """A step: its height in the drawing, and the places of its percentiles."""

    step: str
    y: int
    places: dict[int, float]
    words: str


def scale(recording: Recording) -> Scale:
    """A scale on which every step's 99th percentile has a place."""
    most = max((milliseconds(recording.of(step), 99) for step in recording.steps), default=10)
    return Scale(10 ** max(math.ceil(math.log10(max(most, 10))), 3))


def rows(recording: Recording, on: Scale) -> list[Row]:
    """A row for each step."""
    return [_row(recording.of(step), step, number, on) for number, step in enumerate(recording.steps)]


def _row(samples: Sequence[Sample], step: str, number: int, on: Scale) -> Row:
    taken = {percent: milliseconds(samples, percent) for percent in _PERCENTS}
    words = ", ".join(f"{percent} % within {_duration(value)}" for percent, value in taken.items())
    return Row(step, number * _ROW + 28, {percent: on.at(value) for percent, value in taken.items()}, words)


@dataclass(frozen=True)
class Line:
    """A figure over time, as the points of a polyline, with its largest value."""

    points: str
    most: str
    height: int = _HEIGHT


def answers(recording: Recording, seconds: float) -> Line:
    """Answers per second over time."""
    width = seconds / _BUCKETS
    return _line([len(bucket) / width for bucket in _buckets(recording.requests, seconds)], "{:,.0f} a second")


def waiting(recording: Recording, seconds: float) -> Line:
    """The time within which 95 of 100 requests were answered, over time."""
    answered = [sample for sample in recording.requests if sample.outcome == OK]
    values = [milliseconds(bucket, 95) if bucket else 0.0 for bucket in _buckets(answered, seconds)]
    return _line(values, "{:,.0f} ms")


def _buckets(samples: Sequence[Sample], seconds: float) -> list[list[Sample]]:
    """The samples by the moment of their answer."""
    buckets: list[list[Sample]] = [[] for _ in range(_BUCKETS)]
    for sample in samples:
        place = int((sample.at + sample.seconds) / seconds * _BUCKETS)
        buckets[min(place, _BUCKETS - 1)].append(sample)
    return buckets


def _line(values: Sequence[float], words: str) -> Line:
    most = max(max(values), 1e-9)
    across = (_RIGHT - _LEFT) / (_BUCKETS - 1)
    places = ((_LEFT + number * across, _HEIGHT - value / most * (_HEIGHT - 8)) for number, value in enumerate(values))
    return Line(" ".join(f"{x:.1f},{y:.1f}" for x, y in places), words.format(most))


def _duration(value: float) -> str:
    return f"{value / 1000:g} s" if value >= 1000 and value % 1000 == 0 else f"{value:,.0f} ms"
