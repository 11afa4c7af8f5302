"""An admin moves money only within fifteen minutes of having proved who they are; organizers are not asked (MFA-1)."""

import importlib
import re
from collections.abc import Iterator
from uuid import UUID

import pytest

from functions.manifest import manifest
from functions.site import main as site
from shared.cloud.settings import settings
from shared.site.admin import actions
from shared.site.admin.actions import Action
from shared.web.routes import Route
from tests.endpoints import call, problem
from tests.integration.identity.test_fresh_proof import a_principal, bearer

pytestmark = pytest.mark.usefixtures("database")

NO_MONEY = {
    "POST /admin/manual-tasks/{task_id}/done",
    "POST /admin/mails/{email_id}/send-again",
    "POST /admin/mail-suppressions/lift",
    "POST /admin/approvals/{approval_id}/decline",
    "POST /admin/reconcile-runs",
}
"""Changes of admins that move nothing: the money of a task was moved before, and reconcile only repairs."""
NO_MONEY_AT_DESK = {
    "approvals/{subject_id}/decline",
    "mails/{subject_id}/send-again",
    "suppressions/{subject_id}/lift",
    "tasks/{subject_id}/done",
}
ALSO_ORGANIZERS = {
    "PUT /refunds/{refund_id}/approve",
    "PUT /refunds/{refund_id}/reject",
    "POST /refunds/{refund_id}/retry",
    "POST /payouts/{payout_id}/retry",
    "POST /events/{event_id}/cancel",
    "PUT /events/{event}",
    "POST /events/{event}/tiers",
    "PUT /events/{event}/tiers/{tier}",
    "PUT /tickets/{ticket_id}/holder",
}
"""Changes that move money and that organizers make with their own: a price, an offer to give tickets back, a holder."""


def routes() -> Iterator[Route]:
    """The routes of the API that change something and let admins in."""
    for name in manifest().functions:
        for route in importlib.import_module(f"functions.{name}.main").app.routes:
            if route.kind == "http" and route.method != "GET" and route.access and "admin" in route.access.roles:
                yield route


def named(route: Route) -> str:
    return f"{route.method} {route.path.removeprefix('/api/v1')}"


def moves_money(route: Route) -> bool:
    is_for_admins = route.access is not None and route.access.is_for_admins_only
    return named(route) in ALSO_ORGANIZERS or (is_for_admins and named(route) not in NO_MONEY)


ROUTES = list(routes())
MOVING_MONEY = [route for route in ROUTES if moves_money(route)]
MONEY = sorted(map(named, MOVING_MONEY))


def test_all_that_moves_money_is_known():
    names = {named(route) for route in ROUTES}
    assert names >= NO_MONEY | ALSO_ORGANIZERS
    assert {"POST /admin/reviews/{payment_id}/accept", "POST /admin/refunds/{refund_id}/paid-by-hand"} <= set(MONEY)


@pytest.mark.parametrize("route", MOVING_MONEY, ids=named)
def test_what_moves_money_asks_an_admin_for_a_proof(route: Route):
    assert route.access
    assert route.access.needs_step_up or route.access.needs_fresh_proof


def asked(name: str) -> tuple[str, str]:
    """The method, and the path with an id of nothing."""
    method, _, path = name.partition(" ")
    return method, re.sub(r"\{\w+\}", str(UUID(int=4)), path)


@pytest.mark.parametrize("name", MONEY)
def test_a_proof_that_is_older_than_fifteen_minutes_is_refused(name: str):
    method, path = asked(name)
    old = bearer(a_principal("admin"), proven_seconds_ago=901)
    assert problem(call(method, path, json={}, headers=old)) == (403, "fresh-proof-required")


@pytest.mark.parametrize("name", sorted(ALSO_ORGANIZERS))
def test_organizers_are_not_asked(name: str):
    method, path = asked(name)
    old = bearer(a_principal("organizer"), proven_seconds_ago=901)
    assert call(method, path, json={"reason": "x"}, headers=old).status_code != 403


@pytest.mark.parametrize("action", actions.ALL, ids=lambda action: action.path)
def test_what_moves_money_at_the_desk_asks_for_it_too(action: Action):
    path = action.path.removeprefix("/admin/")
    assert (action.proof is actions.no_proof) == (path in NO_MONEY_AT_DESK)


def test_dead_letters_at_the_desk_ask_for_it_too():
    """One may move money, and they are decided about many at once."""
    pages = [route for route in site.app.routes if route.path == "/admin/dead-letters/decide"]
    assert [route.access.needs_step_up for route in pages if route.access] == [True, True]


FORMS = (
    "/organizer/events/{event_id}/cancel",
    "/organizer/events/{event_id}/details",
    "/organizer/events/{event_id}/tickets/new",
    "/organizer/events/{event_id}/tickets/{tier_id}",
    "/organizer/events/{event_id}/attendees/{ticket_id}",
    "/organizer/events/{event_id}/refunds/decide",
    "/organizer/events/{event_id}/refunds/{refund_id}/retry",
    "/organizer/payouts/{payout_id}/retry",
    "/tickets/{ticket_id}/holder",
)
"""The same on the pages of organizers and buyers, to which admins have access."""


@pytest.mark.parametrize("path", FORMS)
def test_forms_outside_the_desk_ask_for_it_too(path: str):
    [form] = [route for route in site.app.routes if route.path == path and route.method == "POST"]
    assert form.access
    assert form.access.needs_step_up


def test_a_proof_of_fourteen_minutes_is_good():
    admin = bearer(a_principal("admin"), proven_seconds_ago=840)
    path = f"/admin/reviews/{UUID(int=4)}/accept"
    assert problem(call("POST", path, headers=admin)) == (404, "not-found")


def test_the_window_is_a_setting():
    assert settings().step_up_seconds == 900
