"""Often asked, seldom done, and never forgotten."""

import threading
import time

import pytest

from shared.sales.coalescing import Coalescer
from tests.stack import until
from tests.threads import at_the_same_time


def test_the_first_ask_is_acted_on_at_once_and_a_thousand_more_together():
    acts: list[float] = []
    publisher = Coalescer[str](lambda _: acts.append(time.monotonic()), seconds=0.3)
    publisher.ask("event")
    until(lambda: len(acts) == 1, seconds=5)
    at_the_same_time([lambda: [publisher.ask("event") for _ in range(100)]] * 10)
    until(lambda: len(acts) == 2, seconds=5)
    assert acts[1] - acts[0] >= 0.3


def test_what_changes_while_it_is_acted_on_is_acted_on_again():
    seen: list[int] = []
    state = {"value": 1}
    reading, go_on = threading.Event(), threading.Event()

    def act(_: str) -> None:
        value = state["value"]
        reading.set()
        go_on.wait(5)
        seen.append(value)

    publisher = Coalescer[str](act, seconds=0.05)
    publisher.ask("event")
    reading.wait(5)
    state["value"] = 2
    publisher.ask("event")
    go_on.set()
    until(lambda: seen == [1, 2], seconds=5)


def test_keys_do_not_wait_for_each_other_and_an_error_stops_nobody(caplog: pytest.LogCaptureFixture):
    acts: list[str] = []

    def act(key: str) -> None:
        if key == "broken":
            raise RuntimeError(key)
        acts.append(key)

    publisher = Coalescer[str](act, seconds=60)
    for key in ("broken", "a", "b"):
        publisher.ask(key)
    until(lambda: acts == ["a", "b"], seconds=5)
    assert "coalescer.failed" in caplog.messages
