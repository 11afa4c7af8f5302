"""UM-006: nobody learns from our pace whether an address has an account."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from shared.cloud.settings import settings
from shared.web import constant_time


@dataclass
class Time:
    """A clock that only the test moves, and sleep, which is noted."""

    now: float = 100.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds

    def work(self, seconds: float) -> float:
        """When a block of so much work ends."""
        with constant_time.pad_to(300, clock=lambda: self.now, sleep=self.sleep):
            self.now += seconds
        return round(self.now - 100, 3)


@pytest.fixture
def delayed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CONSTANT_TIME", "on")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.usefixtures("delayed")
def test_little_and_more_work_take_the_same_time():
    assert Time().work(0.005) == Time().work(0.026) == 0.3
    slow = Time()
    assert slow.work(0.4) == 0.4
    assert slow.slept == [], "and what took longer waits no more"


@pytest.mark.usefixtures("delayed")
def test_so_does_a_refusal():
    time = Time()
    with pytest.raises(ValueError, match="no"), constant_time.pad_to(300, clock=lambda: time.now, sleep=time.sleep):
        raise ValueError("no")
    assert time.slept == [0.3]


def test_the_pace_is_even_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CONSTANT_TIME", raising=False)
    settings.cache_clear()
    try:
        assert settings().constant_time == "on"
    finally:
        monkeypatch.undo()
        settings.cache_clear()
