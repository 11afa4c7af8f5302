"""Every query and log line in the runbook can be typed as it stands."""

import re

import pytest

from shared.cloud.clients import make_engine
from tests.unit.docs.documents import ROOT, read

pytestmark = pytest.mark.usefixtures("database")

RUNBOOK = read("docs/runbook.md")
SOMEBODY = "'00000000-0000-4000-8000-000000000000'"
A_DAY = "'2026-11-21'"
BLOCKS = re.findall(r"^```sql\n(.*?)^```", RUNBOOK, re.MULTILINE | re.DOTALL)
STATEMENTS = [
    statement.strip()
    for block in BLOCKS
    for statement in re.sub(r"--[^\n]*", "", block).split(";")
    if statement.strip()
]
FILLED_IN_BY_HAND = re.findall(r"'<(\w+)>'", "".join(BLOCKS))
OF_TERRAFORM = {"database.tier", "database.replica_tier", "terraform.tfvars"}
OF_A_MANUAL_TASK = "details."
EVENTS = {
    name
    for name in re.findall(r"`([a-z_]+\.[a-z_]+)`", RUNBOOK)
    if name not in OF_TERRAFORM and not name.startswith(OF_A_MANUAL_TASK)
}


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_query_of_the_runbook_can_be_asked(statement: str):
    filled = re.sub(r"'<(?:from|to)>'", A_DAY, statement)
    filled = re.sub(r"'<\w+>'", SOMEBODY, filled)
    engine = make_engine()
    with engine.connect() as connection:
        connection.exec_driver_sql(f"EXPLAIN {filled}")
    engine.dispose()


def test_what_is_filled_in_can_be_filled_in_where_the_queries_are_asked():
    """Cloud SQL Studio has no variables; those of psql (:'order') it takes for a mistake."""
    assert {"order", "payment", "task"} <= set(FILLED_IN_BY_HAND)
    assert not re.search(r":'\w+'", RUNBOOK)


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_a_line_to_look_for_is_written_by_the_product(event: str):
    sources = (file.read_text(encoding="utf-8") for file in (ROOT / "shared").rglob("*.py"))
    assert any(f'"{event}"' in source for source in sources), f"nobody logs {event}"
