"""Requests that wait are taken along, and none waits for company, nor for one that has run out of time."""

import ctypes
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import pytest
from functions_framework.exceptions import RequestTimeoutException

from shared.cloud.request_batching import RequestBatcher
from tests.threads import at_the_same_time
from tests.waiting import PATIENCE_SECONDS, until


def test_each_caller_gets_its_own_outcome():
    double = RequestBatcher(lambda asks: [ask * 2 for ask in asks])
    assert at_the_same_time([lambda n=n: double(n) for n in range(50)]) == [n * 2 for n in range(50)]


def test_those_who_come_during_a_batch_share_the_next():
    batches: list[list[str]] = []
    first_runs, all_wait = threading.Event(), threading.Event()

    def work(asks: Sequence[str]) -> Sequence[str]:
        batches.append(list(asks))
        if len(batches) == 1:
            first_runs.set()
            assert all_wait.wait(PATIENCE_SECONDS)
        return asks

    combined = RequestBatcher(work)
    threads = [threading.Thread(target=combined, args=(name,)) for name in "abcd"]
    threads[0].start()
    assert first_runs.wait(PATIENCE_SECONDS)
    for thread in threads[1:]:
        thread.start()
    while len(combined._queue) < 3:
        threading.Event().wait(0.001)
    all_wait.set()
    for thread in threads:
        thread.join(10)
    assert batches[0] == ["a"]
    assert sorted(batches[1]) == ["b", "c", "d"]


def test_a_batch_has_a_limit():
    sizes: list[int] = []

    def work(asks: Sequence[int]) -> Sequence[int]:
        sizes.append(len(asks))
        return asks

    combined = RequestBatcher(work, max_batch_size=4)
    at_the_same_time([lambda n=n: combined(n) for n in range(40)])
    assert sum(sizes) == 40
    assert max(sizes) <= 4


def test_an_error_reaches_every_caller_of_its_batch_and_no_other():
    def work(asks: Sequence[int]) -> Sequence[int]:
        if 13 in asks:
            raise RuntimeError("unlucky")
        return asks

    combined = RequestBatcher(work)
    with pytest.raises(RuntimeError, match="unlucky"):
        combined(13)
    assert combined(14) == 14


def stop(thread: int) -> None:
    """End what a thread does, as functions-framework ends a request that runs out of time: once the thread wakes."""
    count = ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), ctypes.py_object(RequestTimeoutException)
    )
    assert count == 1


@pytest.mark.parametrize("stopped", ["b", "c"], ids=["who leads next", "who is led"])
def test_a_caller_that_runs_out_of_time_while_it_waits_keeps_nobody_else(stopped: str):
    first_runs, goes_on = threading.Event(), threading.Event()
    threads: dict[str, int] = {}

    def work(asks: Sequence[str]) -> Sequence[str]:
        if "a" in asks:
            first_runs.set()
            assert goes_on.wait(PATIENCE_SECONDS)
        return asks

    combined = RequestBatcher(work, max_batch_size=1)

    def ask(name: str) -> str:
        threads[name] = threading.get_ident()
        try:
            return combined(name)
        except RequestTimeoutException:
            return "stopped"

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask, "a")]
        assert first_runs.wait(PATIENCE_SECONDS)
        for number, name in enumerate("bcd", start=1):
            asked.append(pool.submit(ask, name))
            until(lambda: len(combined._queue) == number, what="for a caller to wait")  # noqa: B023 - at once
        stop(threads[stopped])
        goes_on.set()
        outcomes = [future.result(PATIENCE_SECONDS) for future in asked]
    assert outcomes == ["stopped" if name == stopped else name for name in "abcd"]
    assert combined("later") == "later"


@pytest.mark.parametrize("place", ["_run_batch", "_lock"])
def test_a_leader_that_is_stopped_before_it_begins_leaves_the_queue(monkeypatch: pytest.MonkeyPatch, place: str):
    combined = RequestBatcher(lambda asks: asks)
    lock = Mock(__enter__=Mock(side_effect=[None, RequestTimeoutException, None, None, None]), __exit__=lambda *_: None)
    stops = {"_run_batch": Mock(side_effect=RequestTimeoutException), "_lock": lock}
    with monkeypatch.context() as stopped:
        stopped.setattr(combined, place, stops[place])
        with pytest.raises(RequestTimeoutException):
            combined("stopped")
    assert combined._queue == []
    assert combined("next") == "next"
