"""The totals of a run, added up over its seeds."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.simulation.course import Course
from tests.simulation.transitions import POSSIBLE, Transition

LONG = 2000
"""From so many seeds on a run must have seen `LEAST_SEEN` of the transitions that are possible."""
LEAST_SEEN = 0.99


@dataclass
class Report:
    """Seeds, steps and faults; the seeds that broke a promise, with which."""

    seeds: int = 0
    steps: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    transitions: set[Transition] = field(default_factory=set)
    violations: dict[int, str] = field(default_factory=dict)

    def add(self, course: Course) -> None:
        """Count a seed."""
        self.seeds += 1
        self.steps += course.steps
        self.faults.update(course.faults)
        self.transitions |= course.transitions
        if course.violation:
            self.violations[course.seed] = course.violation.promise

    def lines(self, seconds: float, in_python: float, in_postgresql: float) -> Iterator[str]:
        """The report in words; `in_python` and `in_postgresql` are seconds of processor time."""
        yield f"{self.seeds} seeds, {self.steps} steps, {sum(self.faults.values())} faults, " + (
            f"{len(self.violations)} violations"
        )
        yield (
            f"{self.steps / seconds:.0f} steps a second; {self.steps / (in_python + in_postgresql):.0f} a second of"
            f" processor ({in_python:.1f} s in Python, {in_postgresql:.1f} s in PostgreSQL)"
        )
        yield from _counted("faults", self.faults.items())
        missing = [f"{machine} {before} to {after}" for machine, before, after in sorted(POSSIBLE - self.transitions)]
        yield f"transitions of states: {len(POSSIBLE) - len(missing)} of {len(POSSIBLE)}" + (
            f", without {'; '.join(missing)}" if missing else ""
        )

    @property
    def has_seen_enough(self) -> bool:
        """True if a run of `LONG` or more has seen the transitions that it must. A short one need not."""
        return self.seeds < LONG or len(POSSIBLE & self.transitions) >= LEAST_SEEN * len(POSSIBLE)


def _counted(title: str, found: Iterable[tuple[str, int]]) -> Iterator[str]:
    yield f"{title}:"
    for name, count in sorted(found):
        yield f"  {count:7} {name}"
