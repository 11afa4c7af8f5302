"""The simulator in the suite: a few seeds (new ones where tests explore); `make simulate KNOWN=1` runs more (SIM-1)."""

import secrets
from collections.abc import Iterator

import pytest

from infra.local.postgres import Postgres
from tests.conftest import EXPLORES
from tests.simulation import course
from tests.simulation.acts import WEIGHTS
from tests.simulation.faults import Fault, FaultKind
from tests.simulation.plan import Plan, Step, drawn
from tests.simulation.shrink import shrunk
from tests.simulation.world import World, world

STEPS = 200
SEEDS = [secrets.randbelow(2**32) for _ in range(30)] if EXPLORES else [5000, 5001]


@pytest.fixture(scope="module")
def simulated(simulation_server: Postgres) -> Iterator[World]:
    """A world on a database of its own."""
    with world(simulation_server, "simulation") as made:
        yield made


def test_seeds_break_no_promise(simulated: World):
    for seed in SEEDS:
        done = course.run(simulated, drawn(seed, STEPS, WEIGHTS))
        assert done.violation is None, f"make simulate SEED={seed} STEPS={STEPS}: {done.violation}"


def test_a_seed_tells_the_same_story_each_time(simulated: World):
    plan = drawn(7, 120, WEIGHTS)

    first, again = course.run(simulated, plan), course.run(simulated, plan)

    assert first.lines == again.lines
    assert first.fingerprint == again.fingerprint


def test_a_failing_plan_shrinks_to_what_it_fails_by():
    quiet = [Step("time passes", number) for number in range(40)]
    guilty = Step("a payer pays", 99, Fault(FaultKind.CRASH, 1))
    plan = Plan(1, (*quiet[:20], guilty, *quiet[20:]))

    short = shrunk(plan, lambda each: any(step.act == guilty.act for step in each.steps))

    assert [step.act for step in short.steps] == ["a payer pays"]
    assert short.steps[0].fault is None
    assert Plan.read(short.written()) == short
