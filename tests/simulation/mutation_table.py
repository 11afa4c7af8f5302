"""The committed tables of what caught each mutation: caught.csv beside the patches."""

import csv
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Protocol


class MutationResult(Protocol):
    """The outcome of a mutation: a row of a table, whose columns are its fields."""

    @property
    def mutation(self) -> str:
        """The name of its patch."""

    @property
    def effort(self) -> str:
        """How much was tried."""

    @property
    def caught_by(self) -> str:
        """The check that caught it; empty where none did."""


def write(result: Any, patches: Path) -> None:
    """Write what came of a mutation, in place of what came of it before."""
    rows = {row["mutation"]: row for row in caught(patches)} | {result.mutation: asdict(result)}
    with _table(patches).open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, [field.name for field in fields(result)], lineterminator="\n")
        table.writeheader()
        table.writerows(row for name, row in sorted(rows.items()) if (patches / f"{name}.patch").exists())


def caught(patches: Path) -> list[dict[str, Any]]:
    """The rows of the table, by the names of the mutations."""
    if not _table(patches).exists():
        return []
    with _table(patches).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _table(patches: Path) -> Path:
    return patches / "caught.csv"
