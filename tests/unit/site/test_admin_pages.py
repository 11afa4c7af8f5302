"""The addresses in the overview, a search and the runbook exist: each page they name has a route."""

import re
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from functions.site.main import app
from shared.admin.checks import CHECKS, Check
from shared.admin.search_hits import Hit, HitKind, MatchedBy
from tests.unit.docs.documents import anchors, read

ROUTES = [
    re.compile(re.sub(r"\{\w+\}", "[^/]+", route.path))
    for route in app.routes
    if route.path.startswith("/admin") and route.method == "GET"
]
NAMED = sorted(set(re.findall(r"`(/admin[^` ]*)`", read("docs/runbook.md"))))
RUNBOOK = anchors(read("docs/runbook.md"))


def is_there(address: str) -> bool:
    return any(route.fullmatch(address.partition("?")[0]) for route in ROUTES)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.kind)
def test_a_check_leads_to_a_page_and_to_a_section_of_the_runbook(check: Check):
    assert check.page is None or is_there(check.page)
    assert check.page or check.command
    assert check.runbook in RUNBOOK


@pytest.mark.parametrize("kind", HitKind)
@pytest.mark.parametrize("belongs_to", ["order_id", "event_id", None])
def test_a_hit_leads_to_a_page(kind: HitKind, belongs_to: str | None):
    owners = {"order_id": None, "event_id": None, "payment_id": None}
    if belongs_to:
        owners[belongs_to] = uuid4()
    described = {"title": "", "note": None, "status": None, "amount": None, "at": datetime.now(UTC)}
    assert is_there(Hit(kind=kind, matched=MatchedBy.ID, id=uuid4(), **described, **owners).page)


@pytest.mark.parametrize("address", NAMED)
def test_a_page_that_the_runbook_names_is_there(address: str):
    assert is_there(address)
