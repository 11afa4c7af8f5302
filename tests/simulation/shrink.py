"""Shrinks a failing plan: leaves out steps, then faults, as long as the same promise is still broken."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.simulation.plan import Plan, Step

MOST_RUNS = 150

Fails = Callable[[Plan], bool]


def shrunk(plan: Plan, fails: Fails, most_runs: int = MOST_RUNS) -> Plan:
    """A short plan that still fails; `fails` runs one and says whether it breaks the same promise."""
    search = _Search(fails, most_runs)
    steps = _without_parts(plan.steps, lambda kept: search.still_fails(plan.keeping(kept)))
    for index, step in enumerate(steps):
        if step.fault:
            calmer = [*steps[:index], replace(step, fault=None), *steps[index + 1 :]]
            steps = calmer if search.still_fails(plan.keeping(calmer)) else steps
    return plan.keeping(steps)


class _Search:
    """Runs plans until there have been enough."""

    def __init__(self, fails: Fails, most_runs: int) -> None:
        self._fails, self._left = fails, most_runs

    def still_fails(self, plan: Plan) -> bool:
        """True if this plan fails too; False without a look once there were enough runs."""
        self._left -= 1
        return self._left >= 0 and self._fails(plan)


def _without_parts(steps: Sequence[Step], fails: Callable[[Sequence[Step]], bool]) -> list[Step]:
    """Leave out parts, from halves down to single steps, the last first: what comes later explains less."""
    kept, size = list(steps), max(len(steps) // 2, 1)
    while True:
        for start in range((len(kept) - 1) // size * size, -1, -size):
            without = kept[:start] + kept[start + size :]
            if without != kept and fails(without):
                kept = without
        if size == 1:
            return kept
        size = max(size // 2, 1)
