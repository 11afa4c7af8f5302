"""Each kind of manual task has its resolution at the admin desk, and the runbook says the same (PS-023)."""

import re

import pytest

from functions.site.main import app
from shared.site.admin.resolutions import RESOLUTIONS
from tests.unit.docs.documents import read
from tests.unit.docs.test_runbook import KINDS, alerts, kinds_of_code

RUNBOOK = read("docs/runbook.md")
PAGES = {route.path for route in app.routes if route.kind == "page" and route.method == "GET"}
_NAME = re.compile(r"\{\w+\}")


def section(kind: str) -> str:
    """The section of the runbook about a kind of task."""
    sections = re.split(r"^#{1,3} ", RUNBOOK, flags=re.MULTILINE)
    [found] = [each for each in sections if f"`{kind}`" in each.partition("\n")[0]]
    return found


def test_the_runbook_and_the_desk_know_the_same_kinds():
    assert set(RESOLUTIONS) == KINDS


@pytest.mark.parametrize("kind", sorted(kinds_of_code()))
def test_every_kind_of_the_code_has_its_resolution(kind: str):
    assert any(re.fullmatch(kind, known) for known in RESOLUTIONS)


@pytest.mark.parametrize("kind", RESOLUTIONS)
def test_each_step_leads_to_a_page_that_there_is(kind: str):
    shapes = {_NAME.sub("{}", page) for page in PAGES}
    for step in RESOLUTIONS[kind].steps:
        assert _NAME.sub("{}", step.address.partition("?")[0]) in shapes, step.address


@pytest.mark.parametrize("kind", RESOLUTIONS)
def test_the_runbook_says_which_page_ends_it(kind: str):
    assert re.search(r"`/admin/[a-z-]+", section(kind)), f"docs/runbook.md: {kind}"


@pytest.mark.parametrize("alert", alerts())
def test_the_runbook_says_what_ends_an_alert(alert: str):
    """A page of the desk, or what else is to be done: a command, an apply, a release."""
    if alert == "manual-tasks":
        return  # a chapter of its own, kind by kind
    [found] = re.findall(rf"^### {alert}\n(.*?)^#", RUNBOOK, flags=re.MULTILINE | re.DOTALL)
    assert re.search(r"\*\*(Page|Do|do)\*\*", found)
