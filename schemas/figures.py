"""Writes docs/figures.md from shared/reports/figures.py: what each figure of a report counts."""

import sys
from collections.abc import Sequence
from pathlib import Path

from schemas.generated import keep
from shared.reports.figures import SOURCES, Figure

FILE = Path(__file__).parent.parent / "docs" / "figures.md"
HEAD = """# What the figures count

Made by `python -m schemas.figures` from `shared/reports/figures.py`: change that, not this. Money is whole rupiah; days
are of the event's time zone; "in the period" is all time where none is chosen.
"""


def written() -> str:
    """The file's content."""
    sections = [_section(title, source, listed) for title, (source, listed) in SOURCES.items()]
    return "\n".join([HEAD, *sections])


def main() -> int:
    """Write the file, or with --check tell whether it is current."""
    return keep(FILE, written(), "python -m schemas.figures")


def _section(title: str, source: str, listed: Sequence[Figure]) -> str:
    lines = [f"| `{figure.name}` | {figure.meaning} | `{figure.sql}` |" for figure in listed]
    return "\n".join(
        [f"## {title}", "", f"From `{source}`.", "", "| figure | what it counts | how |", "|---|---|---|", *lines, ""]
    )


if __name__ == "__main__":
    sys.exit(main())
