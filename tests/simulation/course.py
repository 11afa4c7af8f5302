"""One seed from its beginning to rest: the steps of its plan, what was checked, and the story of it."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from functools import partial

from tests.simulation import interruptions, invariants, randomness, rest, transitions
from tests.simulation.acts import ACTS
from tests.simulation.plan import Plan, Step
from tests.simulation.transitions import Transition
from tests.simulation.violations import Violation
from tests.simulation.world import World

CHECK_ALL_EVERY = 25


@dataclass
class Course:
    """The outcome of a plan."""

    seed: int
    steps: int = 0
    """Those in which something happened, and the deliveries that were handed over while the world came to rest."""
    lines: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    transitions: frozenset[Transition] = frozenset()
    violation: Violation | None = None

    @property
    def fingerprint(self) -> str:
        """A hash of the story: the same for the same plan."""
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()


def run(world: World, plan: Plan) -> Course:
    """Run a plan, then let the faults stop and the world come to rest."""
    world.begin(plan.seed)
    world.faults.struck.clear()
    world.faults.while_paused = partial(interruptions.pause, world)
    transitions.begin(world)
    course = Course(plan.seed)
    try:
        for number, step in enumerate(plan.steps):
            _take(world, course, step)
            if number % CHECK_ALL_EVERY == 0:
                invariants.check_all(world)
        world.end_faults()
        world.revisions.end_release(plan.seed)
        at_rest = rest.come_to_rest(world)
        course.lines += at_rest
        course.steps += len(at_rest)
        invariants.check_all(world)
        rest.check(world)
        transitions.check(transitions.seen(world))
    except Violation as violation:
        course.violation = violation
    course.transitions = transitions.seen(world)
    course.faults = Counter(world.faults.struck)
    return course


def _take(world: World, course: Course, step: Step) -> None:
    randomness.reseed(step.number)
    world.revisions.reseed(step.number)
    world.arm(step.fault)
    commits = world.database.commits
    said = ACTS[step.act](world, step.chance())
    world.raise_if_broken()
    if said is None:
        return
    course.steps += 1
    course.lines.append(_told(world, course.steps, step, said))
    if world.database.commits > commits:
        invariants.check_step(world)


def _told(world: World, number: int, step: Step, said: str) -> str:
    fault = f" [{step.fault.kind}]" if step.fault and world.faults.has_struck else ""
    revisions = f" ({', '.join(world.revisions.took)})" if len(world.revisions.all) > 1 and world.revisions.took else ""
    told = f"{number:4} {world.clock.seconds:9.1f} s  {step.act}: {said}{fault}{revisions}"
    return "\n       meanwhile ".join([told, *world.meanwhile])
