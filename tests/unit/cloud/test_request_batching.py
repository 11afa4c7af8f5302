"""The combiner: whoever waits is taken along, and nobody waits for company."""

import threading
from collections.abc import Sequence

import pytest

from shared.cloud.request_batching import RequestBatcher
from tests.threads import at_the_same_time
from tests.waiting import PATIENCE_SECONDS


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
