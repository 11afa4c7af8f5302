"""The report of a load: a page for people that needs nothing else, and the same figures as a table for a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tests.benchmarks.report import table
from tests.load import charts
from tests.load.profiles import GOAL_FAULTS, GOAL_MILLISECONDS
from tests.load.recording import milliseconds
from tests.load.running import LoadResult

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_HEADS = ("step", "count", "p50 ms", "p95 ms", "p99 ms", "faults")


@dataclass(frozen=True)
class Section:
    """One load in the report."""

    outcome: LoadResult

    @property
    def steps(self) -> list[tuple[object, ...]]:
        """The row of each step in the table."""
        return [self._step(step) for step in self.outcome.recording.steps]

    def _step(self, step: str) -> tuple[object, ...]:
        samples = self.outcome.recording.of(step)
        times = (f"{milliseconds(samples, percent):,.0f}" for percent in (50, 95, 99))
        return (step, f"{len(samples):,}", *times, sum(sample.is_fault for sample in samples))

    @property
    def facts(self) -> list[tuple[str, str]]:
        """The summary, in a word each."""
        outcome, recording = self.outcome, self.outcome.recording
        faults, requests = recording.faults.total(), max(len(recording.requests), 1)
        facts = [
            ("users", f"{outcome.profile.users:,}"),
            ("seconds", f"{outcome.seconds:,.0f}"),
            ("requests a second", f"{len(recording.requests) / outcome.seconds:,.1f}"),
            ("reserved", f"{outcome.reserved:,}"),
            ("tickets received", f"{len(recording.of('download')):,}"),
            ("faults", f"{faults} ({faults / requests:.2%}; goal < {GOAL_FAULTS:.1%})"),
        ]
        if outcome.truth:
            facts += [("oversold", str(outcome.truth.oversold)), ("lost", str(outcome.lost))]
            facts.append(("web processors in use", f"{outcome.web_seconds / outcome.seconds:.2f}"))
        facts.append(("generator's processor in use", f"{outcome.generator_seconds / outcome.seconds:.2f}"))
        return facts

    @property
    def scale(self) -> charts.Scale:
        """The scale of its times."""
        return charts.scale(self.outcome.recording)

    @property
    def goal(self) -> float:
        """The place of the goal on that scale."""
        return self.scale.at(GOAL_MILLISECONDS)

    @property
    def rows(self) -> list[charts.Row]:
        """The percentiles of each step, to be drawn."""
        return charts.rows(self.outcome.recording, self.scale)

    @property
    def lines(self) -> list[tuple[str, charts.Line]]:
        """The figures over time, to be drawn."""
        recording, seconds = self.outcome.recording, self.outcome.seconds
        return [
            ("Answers per second", charts.answers(recording, seconds)),
            ("95 of 100 requests answered within", charts.waiting(recording, seconds)),
        ]

    @property
    def notes(self) -> list[str]:
        """Refusals and faults, with their numbers."""
        recording = self.outcome.recording
        return [f"{count:,} × {what}" for what, count in (recording.refusals + recording.faults).most_common()]


def page(outcomes: Sequence[LoadResult], description: Sequence[str]) -> str:
    """The whole report as HTML."""
    written = _PAGES.get_template("report.html")
    sections = [Section(outcome) for outcome in outcomes]
    return written.render(
        sections=sections,
        description=description,
        heads=_HEADS,
        width=charts.WIDTH,
        goal_milliseconds=GOAL_MILLISECONDS,
        made_at=f"{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}",
    )


def words(outcome: LoadResult) -> str:
    """One load for a terminal."""
    section = Section(outcome)
    facts = "; ".join(f"{name} {value}" for name, value in section.facts)
    return "\n\n".join([f"{outcome.profile.title}: {facts}", table(_HEADS, section.steps), *section.notes])
