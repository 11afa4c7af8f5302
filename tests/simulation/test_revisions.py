"""Two revisions side by side: two sets of modules, each with a memory of its own, and no promise is broken."""

from collections.abc import Iterator

import pytest

from infra.local.postgres import Postgres
from tests.simulation import course
from tests.simulation.acts import WEIGHTS
from tests.simulation.database import ROOT
from tests.simulation.plan import drawn
from tests.simulation.revisions import OURS
from tests.simulation.world import World, world


@pytest.fixture(scope="module")
def side_by_side(simulation_server: Postgres) -> Iterator[World]:
    """A world in which a second set of the working tree's modules takes half of the calls."""
    with world(simulation_server, "beside", ROOT) as made:
        yield made


def test_the_sets_of_modules_are_two(side_by_side: World):
    _, beside = side_by_side.revisions.all
    mine, other = (each.module("shared.sales.expiry") for each in (OURS, beside))

    assert mine is not other
    assert mine._scheduled is not other._scheduled
    assert mine is OURS.module("shared.sales.expiry")


def test_a_revision_whose_process_ends_forgets_and_the_other_does_not(side_by_side: World):
    _, beside = side_by_side.revisions.all
    mine, other = (each.module("shared.gateways.registry") for each in (OURS, beside))
    with OURS.running(), OURS.run_as(side_by_side.manifest.functions["checkout"].permissions):
        mine.xendit()
    with beside.running(), beside.run_as(side_by_side.manifest.functions["checkout"].permissions):
        other.xendit()

    beside.forget()

    assert [each._xendit.cache_info().currsize for each in (mine, other)] == [1, 0]


def test_both_take_calls_and_no_promise_is_broken(side_by_side: World):
    done = course.run(side_by_side, drawn(5003, 150, WEIGHTS))

    assert done.violation is None, done.violation
    told = "\n".join(done.lines)
    assert "(old)" in told
    assert "(new)" in told
