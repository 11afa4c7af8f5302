"""The plan of a rush holds in a simulation at its rate, and a part of its instances doesn't."""

import pytest

from infra.checks import sale_plan
from infra.checks.sale_simulation import Request, Station, run

HALF_A_MINUTE = (sale_plan.TICKETS // sale_plan.MINUTES // 2, 0.5)


@pytest.mark.slow("half a minute of a rush, simulated")
def test_the_planned_instances_keep_up_with_the_rate():
    tried = sale_plan.trial(*HALF_A_MINUTE)
    assert tried.finished == HALF_A_MINUTE[0]
    assert max(each.busy for each in tried.functions.values()) < 0.8
    assert tried.functions["reserve"].percentiles[1] < 0.5


@pytest.mark.slow("half a minute of a rush, simulated")
def test_a_third_of_them_does_not():
    tried = sale_plan.trial(*HALF_A_MINUTE, share=1 / 3)
    assert max(each.longest_queue for each in tried.functions.values()) > 100


def test_nobody_passes_a_place_that_is_taken():
    """Two buyers at a function with one place: the second waits for all of the first's request."""
    requests = [Request("reserve", 0.1, 0.1, 0.1)]
    alone = run([Station("reserve", 1, 1)], Station("database", 1, 1), requests * 100, tickets=1, seconds=1)
    both = run([Station("reserve", 1, 1)], Station("database", 1, 1), requests * 100, tickets=2, seconds=1)
    assert both.after_sale > 1.5 * alone.after_sale
