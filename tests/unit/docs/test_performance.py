"""docs/performance.md has the plan of a rush as the manifest, the prices and what was measured give it."""

from infra.checks import sale_plan
from tests.unit.docs.documents import read


def test_the_document_has_the_plan():
    assert sale_plan.plan_table(sale_plan.TICKETS, sale_plan.MINUTES) in read("docs/performance.md")
