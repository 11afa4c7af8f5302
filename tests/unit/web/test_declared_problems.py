"""A route declares each problem that its handler can raise; no two problems share a slug (docs/reference/api.md)."""

import importlib
from collections import defaultdict
from collections.abc import Iterator

import pytest

from functions.manifest import manifest
from shared.problems import Problem
from shared.web import openapi
from shared.web.routes import Route
from tests.unit.web.raised_problems import program, raised_by


def routes() -> Iterator[Route]:
    for name in manifest().functions:
        for route in importlib.import_module(f"functions.{name}.main").app.routes:
            if route.kind == "http":
                yield route


def problems(kind: type[Problem] = Problem) -> Iterator[type[Problem]]:
    yield kind
    for each in kind.__subclasses__():
        yield from problems(each)


UNREACHABLE: dict[str, set[str]] = {
    "GET /api/v1/account/export": {"not-found"},  # of a bank account that nobody has set: it is left out
    "PUT /api/v1/account/bank-account": {"not-found"},  # of the account that was added in the same transaction
    "POST /api/v1/admin/bank-arrivals": {"not-found"},  # of the arrival that was added in the same transaction
    "POST /api/v1/admin/bank-statements": {"not-found", "bank-arrival-matched"},  # it names nothing to match with
    "POST /api/v1/admin/settlement-batches": {"not-found", "bank-arrival-matched"},  # likewise
    "POST /api/v1/admin/events/{event_id}/cancellation": {"cancellation-too-late"},  # admins are in time
    "POST /api/v1/events": {"kind-is-fixed", "quota-too-small", "not-found"},  # of tiers that are there already
    "POST /api/v1/events/{event}/duplicate": {  # of an event whose tiers fit
        "capacity-exceeded",
        "too-many-tiers",
        "kind-is-fixed",
        "quota-too-small",
        "tier-code-taken",  # a copy gets codes of its own
    },
    "POST /api/v1/events/{event}/tiers": {"kind-is-fixed", "quota-too-small"},  # likewise
    "PUT /api/v1/events/{event}/tiers/{tier}": {"too-many-tiers"},  # of a tier that is added
}
"""Problems that a route's source seems to raise and no request can meet, since one function serves several routes."""


@pytest.mark.parametrize("route", list(routes()), ids=lambda route: f"{route.method} {route.path}")
def test_what_a_handler_can_raise_is_declared(route: Route):
    declared = {each.slug for each in openapi.problems_of(route)}
    raised = {each.slug for each in raised_by(route.handler.__module__, route.handler.__qualname__)}
    unreachable = UNREACHABLE.get(f"{route.method} {route.path}", set())
    assert raised - declared == unreachable


def test_the_source_is_read():
    assert len(program()) > 1000


def test_no_two_problems_share_a_slug():
    by_slug: dict[str, set[type[Problem]]] = defaultdict(set)
    list(routes())
    for each in set(problems()):
        if each.__module__.startswith(("shared.", "functions.")) and "slug" in vars(each):
            by_slug[each.slug].add(each)
    assert {slug: kinds for slug, kinds in by_slug.items() if len(kinds) > 1} == {}
