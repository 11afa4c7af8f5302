"""The ledger's accounts are those of the chart, also where SQL spells them out; postings are made in one module."""

import re
from pathlib import Path

from shared.accounting.accounts import Account

ROOT = Path(__file__).parents[3]

SPELLED = re.compile(r"\baccount (?:=|LIKE|IN) *\(?((?:\s*'[^']+',?)+)")
NAMES = re.compile(r"'([a-z_]+)[^']*'")


def sources() -> list[Path]:
    return [file for folder in ("shared", "functions", "infra") for file in sorted((ROOT / folder).rglob("*.py"))]


def test_sql_names_no_account_that_is_not_in_the_chart():
    spelled = {
        (file.name, name)
        for file in sources()
        for found in SPELLED.finditer(file.read_text())
        for name in NAMES.findall(found[1])
    }
    assert len(spelled) > 10
    assert {each for each in spelled if each[1] not in set(Account)} == set()


def test_only_the_ledger_makes_postings():
    posting = re.compile(r"\bledger\.post(_for_event)?\(|INSERT INTO ledger_")
    makers = {str(file.relative_to(ROOT)) for file in sources() if posting.search(file.read_text())}
    assert makers == {"shared/accounting/ledger.py"}
