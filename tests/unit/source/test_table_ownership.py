"""Each table is written by one package, and where two share it, each column is (docs/map.md).

The rules of retention and of key rotation are data about tables of others: `shared/privacy` runs them as they stand.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SHARED = {"promos": {"catalog", "sales"}, "ticket_tiers": {"catalog", "sales"}}
"""Tables that catalog describes and sales counts in: a sale's statement takes stock and uses within one round trip."""
COUNTERS = {
    "promos": {"uses", "spent", "late_uses", "late_spent"},
    "ticket_tiers": {"reserved", "sold", "units"},
}
"""The columns that sales writes, and nobody else after the row is inserted."""
WRITES = re.compile(
    r"\b(INSERT INTO|UPDATE|DELETE FROM)\s+([a-z_]+)\b(?!\s*(?:=|SKIP|NOWAIT))(?:\s+(?:AS\s+)?[a-z]\b)?"
)


@cache
def statements() -> Sequence[tuple[str, str, str, str]]:
    """Each writing clause of the product: its package, its verb, its table, and the text from there on."""
    return list(_statements())


def _statements() -> Iterator[tuple[str, str, str, str]]:
    for folder in ("shared", "functions"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            package = file.relative_to(ROOT / folder).parts[0]
            source = file.read_text(encoding="utf-8")
            for found in WRITES.finditer(source):
                if found[2] != "set" and not source[: found.start()].rstrip().endswith(("FOR", "NO KEY", "DO")):
                    yield package, found[1], found[2], source[found.end() : found.end() + 600]


def writers() -> dict[str, set[str]]:
    """The packages that write each table."""
    found: dict[str, set[str]] = {}
    for package, _, table, _ in statements():
        found.setdefault(table, set()).add(package)
    return found


def columns_set(rest: str) -> set[str]:
    """The columns that an UPDATE sets."""
    clause = re.split(r"\b(?:FROM|WHERE|RETURNING)\b(?![^(]*\))|\"\"\"|\"\)", rest.split("SET", 1)[1])[0]
    return set(re.findall(r"(?:^|,)\s*([a-z_]+)\s*=", clause))


def test_the_tables_are_found():
    assert {"orders", "payments", "refunds", "ledger_entries", "emails", "users"} <= set(writers())


@pytest.mark.parametrize("table", sorted(writers()))
def test_a_table_is_written_by_one_package(table: str):
    assert writers()[table] == SHARED.get(table, writers()[table])
    assert len(writers()[table]) == len(SHARED.get(table, {1}))


@pytest.mark.parametrize("table", sorted(SHARED))
def test_a_column_of_a_shared_table_is_changed_by_one_package(table: str):
    changed: dict[str, set[str]] = {"catalog": set(), "sales": set()}
    for package, verb, written, rest in statements():
        if written == table and verb == "UPDATE":
            changed[package] |= columns_set(rest)
    assert changed["sales"] == COUNTERS[table]
    assert changed["catalog"], "catalog's own columns are found"
    assert not changed["catalog"] & changed["sales"]
