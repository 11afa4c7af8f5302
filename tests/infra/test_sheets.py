"""The sheets of docs/capacity.md are those of the plan of production: costs, and the budget of connections."""

import re
from pathlib import Path
from typing import Any

import pytest

from infra.checks import costs

ROOT = Path(__file__).parents[2]
CAPACITY = (ROOT / "docs" / "capacity.md").read_text(encoding="utf-8")


@pytest.fixture
def production(plan: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    if outputs["public_url"] != "https://tickets.example.com":
        pytest.skip("the sheets are production's")
    return plan


def test_the_costs_are_those_of_what_is_planned(production: dict[str, Any]):
    """`python -m infra.checks.costs PLAN.json` prints the table anew."""
    assert costs.table(costs.planned(production)) in CAPACITY


def test_the_connections_are_those_that_are_planned(production: dict[str, Any], outputs: dict[str, Any]):
    written = re.search(r"`terraform output connections` says that ([\d,]+) of ([\d,]+) are needed", CAPACITY)
    assert written is not None
    needed, allowed = (int(each.replace(",", "")) for each in written.groups())
    assert (needed, allowed) == (outputs["connections"]["needed"], outputs["connections"]["allowed"])


@pytest.mark.parametrize("name", costs.PRICES)
def test_every_price_is_used_and_has_a_source(production: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch):
    def total() -> float:
        return sum(costs.monthly(costs.planned(production)).values()) + sum(costs.by_tickets().values())

    before, price = total(), costs.PRICES[name]
    assert price.source
    monkeypatch.setitem(costs.PRICES, name, costs.Price(price.dollars * 2, price.unit, price.source))
    assert total() > before
