"""UM-009, DP-002: who has deleted their account does nothing more, neither with an old token nor in the same moment."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Response
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity import people
from shared.identity.tokens import Principal
from shared.privacy.cookie_consents import VERSION
from shared.problems import AccountGone
from shared.sales import reservations
from shared.sales.reservation_requests import ReservationBody, ReservationItem, ReservationRequest
from shared.sales.schemas import OrderResponse
from tests.endpoints import call, problem
from tests.factories import a_tier, a_user, an_event, reserve, stock
from tests.integration.identity.steps import PASSWORD, Member, a_member, an_address
from tests.threads import behind

pytestmark = pytest.mark.usefixtures("database")


def principal(member: Member, role: str) -> Principal:
    """The principal of an access token that outlives its account by minutes."""
    return Principal(member.id, role, member.id if role == "organizer" else None)


def delete(member: Member, role: str = "customer") -> Response:
    """The endpoint's answer."""
    return call("POST", "/account/delete", by=principal(member, role), json={"password": PASSWORD})


def an_event_to_be() -> dict[str, Any]:
    start = datetime.now(UTC) + timedelta(days=30)
    return {
        "title": "Konser Hantu",
        "category": "musik",
        "location": "Jakarta",
        "start_date": start.isoformat(),
        "end_date": (start + timedelta(hours=2)).isoformat(),
        "capacity": 10,
    }


def asks(event_id: object, tier_id: object) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Calls that somebody might still make: the role it takes, method, path, body."""
    order = {
        "event_id": str(event_id),
        "items": [{"tier_id": str(tier_id), "quantity": 1, "attendees": [{"name": "Siti", "email": "s@example.com"}]}],
    }
    return [
        ("customer", "POST", "/orders/reserve", order),
        ("organizer", "POST", "/orders/reserve", order),
        ("customer", "POST", "/privacy/cookies", {"version": VERSION, "categories": []}),
        ("organizer", "POST", "/events", an_event_to_be()),
        ("organizer", "POST", "/promos", {"code": "HANTU", "percent": 10}),
    ]


ASKS = len(asks(None, None))


@pytest.mark.parametrize("index", range(ASKS), ids=[f"{role} {path}" for role, _, path, _ in asks(None, None)])
def test_an_old_token_does_nothing_any_more(index: int):
    with transaction() as tx:
        event = an_event(tx)
    role, method, path, body = asks(event.id, event.tier_ids[0])[index]
    leaver, stayer = a_member(role=role), a_member(role=role)
    assert delete(leaver, role).status_code == 204
    assert problem(call(method, path, by=principal(leaver, role), json=body)) == (401, "not-signed-in")
    assert call(method, path, by=principal(stayer, role), json=body).status_code == 201


def test_a_draft_that_was_left_behind_is_not_published_any_more():
    organizer = a_member(role="organizer")
    with transaction() as tx:
        draft = an_event(tx, organizer_id=organizer.id, status="draft")
    assert delete(organizer, "organizer").status_code == 204
    published = call("PUT", f"/events/{draft.id}", by=principal(organizer, "organizer"), json={"status": "published"})
    assert problem(published) == (401, "not-signed-in")


@pytest.mark.parametrize("who", ["somebody new", "somebody of theirs"])
def test_nobody_is_put_at_a_gate_that_was_left_behind(who: str):
    organizer = a_member(role="organizer")
    with transaction() as tx:
        draft = an_event(tx, organizer_id=organizer.id, status="draft")
    body = {"email": an_address(), "full_name": "Dewi", "event_ids": [str(draft.id)]}
    if who == "somebody of theirs":
        call("POST", "/organizer/staff", by=principal(organizer, "organizer"), json=body)
    assert delete(organizer, "organizer").status_code == 204
    invited = call("POST", "/organizer/staff", by=principal(organizer, "organizer"), json=body)
    assert problem(invited) == (401, "not-signed-in")


def test_one_who_is_gone_does_not_spoil_the_reservations_of_others():
    """Requests that come together share a statement."""
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=5)])
        buyers = [a_user(tx) for _ in range(3)]
        tx.execute(text("UPDATE users SET is_deleted = true WHERE id = :id"), {"id": buyers[1].id})
    item = ReservationItem(tier_id=event.tier_ids[0], quantity=1)
    request = ReservationBody(event_id=event.id, items=[item])
    outcomes = reservations.reserve([ReservationRequest(buyer.id, request) for buyer in buyers])
    assert [type(outcome) for outcome in outcomes] == [OrderResponse, AccountGone, OrderResponse]
    assert stock(event.tier_ids[0]).reserved == 2


def test_an_order_that_comes_while_its_buyer_is_deleted_waits_and_is_refused():
    member = a_member()
    with transaction() as tx:
        event = an_event(tx)
    with transaction() as tx:
        people.lock_for_deletion(tx, member.id)
        reserving = behind(tx, lambda: reserve(principal(member, "customer"), event))
        tx.execute(text("UPDATE users SET is_deleted = true WHERE id = :id"), {"id": member.id})
    assert isinstance(reserving.result(), AccountGone)
    assert stock(event.tier_ids[0]).reserved == 0


def test_an_order_that_came_first_is_seen_by_the_deletion_which_waits_for_it():
    member = a_member()
    with transaction() as tx:
        event = an_event(tx)
    with transaction() as tx:
        tx.execute(
            text("""
                INSERT INTO orders (id, user_id, event_id, organizer_id, subtotal, platform_fee, total_amount,
                    reservation_expires_at)
                VALUES (gen_random_uuid(), :user_id, :event_id, :organizer_id, 1, 0, 1, now() + interval '1 hour')
            """),
            {"user_id": member.id, "event_id": event.id, "organizer_id": event.organizer_id},
        )
        deleting = behind(tx, lambda: delete(member))
    refused = deleting.result()
    assert refused.status_code == 409
    assert refused.get_json()["reasons"] == ["live-reservation"]
