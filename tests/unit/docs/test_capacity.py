"""docs/capacity.md shows what the sheet computes, and every price says where it is from."""

import pytest

from functions.manifest import manifest
from infra.checks import costs
from tests.unit.docs.documents import read


def test_the_document_holds_the_computed_table():
    assert costs.table() in read("docs/capacity.md")


@pytest.mark.parametrize("name", costs.PRICES)
def test_every_price_is_used_and_has_a_source(name: str, monkeypatch: pytest.MonkeyPatch):
    before = sum(costs.monthly().values()) + sum(costs.by_tickets().values())
    price = costs.PRICES[name]
    assert price.source
    dearer = costs.Price(price.dollars * 2, price.unit, price.source)
    monkeypatch.setitem(costs.PRICES, name, dearer)
    assert sum(costs.monthly().values()) + sum(costs.by_tickets().values()) > before


def test_the_connections_are_those_of_the_manifest():
    reserved = 30  # infra/terraform/variables.tf
    opened = 2 * sum(each.sizing["max_instances"] * each.sizing["pool_size"] for each in manifest().functions.values())
    assert f"is {opened + reserved} of 1,000" in read("docs/capacity.md")
