"""docs/data-map.md leaves nothing out: every table, every way to a person, every text, and every rule of retention."""

import re

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.privacy.retention import RULES
from tests.unit.docs.documents import read

pytestmark = pytest.mark.usefixtures("database")

MAP = read("docs/data-map.md")
DATABASE = MAP[MAP.index("## PostgreSQL") : MAP.index("## Everywhere else")]
CODE = re.compile(r"`([a-z_]+)`")
HARMLESS = set(CODE.findall(DATABASE[DATABASE.index("Texts that say nothing") :]))

COLUMNS = """
    SELECT c.table_name, c.column_name FROM information_schema.columns c JOIN information_schema.tables t
        USING (table_schema, table_name)
    WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
"""
TEXTS = f"{COLUMNS} AND c.data_type NOT IN ('uuid', 'integer', 'bigint', 'boolean', 'timestamp with time zone')"
PEOPLE = """
    SELECT key.conrelid::regclass::text, a.attname FROM pg_constraint key
    JOIN pg_attribute a ON a.attrelid = key.conrelid AND a.attnum = key.conkey[1]
    WHERE key.contype = 'f' AND key.confrelid = 'users'::regclass
"""


def found(query: str) -> set[tuple[str, str]]:
    """Tables and columns that a query gives."""
    with transaction() as tx:
        return {(table, column) for table, column in tx.execute(text(query))}


def mapped() -> dict[str, tuple[set[str], str]]:
    """Table to the columns that the map names, and the period it gives."""
    rows = [line.strip("| ").split(" | ") for line in DATABASE.splitlines() if line.startswith("| ")]
    return {row[0]: (set(CODE.findall(row[1])), row[3]) for row in rows if row[0] != "table"}


def test_every_table_is_on_the_map_and_nothing_else():
    assert set(mapped()) == {table for table, _ in found(COLUMNS)}


def test_what_the_map_names_is_there():
    named = {(table, column) for table, (columns, _) in mapped().items() for column in columns}
    assert named <= found(COLUMNS)


def test_every_column_that_leads_to_a_person_is_named():
    assert {(table, column) for table, column in found(PEOPLE) if column not in mapped()[table][0]} == set()


def test_every_text_is_named_or_said_to_be_about_nobody():
    untold = {(table, column) for table, column in found(TEXTS) if column not in mapped()[table][0] | HARMLESS}
    assert untold == set()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_map_tells_the_period_of_every_rule(rule):
    days = rule.kept.days
    period = {1: "a day", 2: "48 hours", 365: "a year"}.get(days, f"{days} days")
    assert period in mapped()[rule.table][1]
