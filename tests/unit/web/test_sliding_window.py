"""A minute that slides over two counted ones: the limit holds over any 60 seconds, and the told wait is enough."""

import pytest
from hypothesis import example
from hypothesis import given as for_all
from hypothesis import strategies as st

from shared.web.sliding_window import WindowUse


def test_the_previous_minute_fades_out():
    assert WindowUse(current=5, previous=30, elapsed=0).requests == 35
    assert WindowUse(current=5, previous=30, elapsed=30).requests == 20
    assert WindowUse(current=5, previous=30, elapsed=60).requests == 5


@pytest.mark.parametrize(
    ("current", "previous", "elapsed", "wait"),
    [
        (19, 0, 10, 0),  # the twentieth
        (20, 0, 0.5, 63),  # this minute to its end, and then 3 seconds until one of its requests is out of sight
        (20, 0, 59.5, 4),
        (10, 20, 30, 3),  # 33 seconds into the minute nine of the twenty are left
        (0, 20, 0.5, 3),
    ],
)
def test_the_wait_is_until_one_more_request_fits(current, previous, elapsed, wait):
    assert WindowUse(current, previous, elapsed).wait_seconds(20) == wait


@example(current=0, previous=102, elapsed=19.0, limit=69)  # 102 * 2/3 is a bit more than 68
@for_all(
    current=st.integers(0, 200),
    previous=st.integers(0, 200),
    elapsed=st.floats(0, 60, exclude_max=True),
    limit=st.integers(1, 120),
)
def test_whoever_waits_as_told_is_let_in(current, previous, elapsed, limit):
    wait = WindowUse(current, previous, elapsed).wait_seconds(limit)
    minutes, then = divmod(elapsed + wait, 60)
    counts = {0: (current, previous), 1: (0, current)}.get(int(minutes), (0, 0))
    assert WindowUse(*counts, then).wait_seconds(limit) == 0
