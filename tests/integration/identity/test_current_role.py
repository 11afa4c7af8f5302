"""UM-004: what a token says of a role counts only while it is so; who has lost it acts no more, at once."""

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from tests.endpoints import call, problem
from tests.factories import a_user, an_event
from tests.integration.identity.steps import Member, a_member, login

pytestmark = pytest.mark.usefixtures("database")


def signed_in(member: Member) -> dict[str, str]:
    return {"Authorization": f"Bearer {login(member.email).access_token}"}


def make(member: Member, role: str) -> None:
    """Change a role in the database, as the pipeline's account might: the sessions stay."""
    with transaction() as tx:
        tx.execute(text("UPDATE users SET role = :role WHERE id = :id"), {"role": role, "id": member.id})


def test_a_demoted_admin_reads_and_makes_nothing_of_others():
    member = a_member(role="admin")
    token = signed_in(member)
    assert call("GET", "/admin/manual-tasks", headers=token).status_code == 200
    make(member, "customer")
    promo = {"code": "GRATIS", "percent": 100, "funded_by": "platform"}
    assert problem(call("GET", "/admin/manual-tasks", headers=token)) == (403, "forbidden")
    assert problem(call("POST", "/promos", json=promo, headers=token)) == (403, "forbidden")
    with transaction() as tx:
        draft = an_event(tx, status="draft")
    assert problem(call("GET", f"/events/{draft.id}", headers=token)) == (404, "not-found")


def test_a_demoted_organizer_changes_no_event():
    member = a_member(role="organizer")
    token = signed_in(member)
    with transaction() as tx:
        event = an_event(tx, organizer_id=member.id)
    make(member, "customer")
    change = call("PUT", f"/events/{event.id}", json={"title": "Milik siapa"}, headers=token)
    assert problem(change) == (403, "forbidden")


def test_a_role_change_ends_the_tokens_that_are_out():
    member = a_member(role="organizer")
    token = signed_in(member)
    with transaction() as tx:
        admin = a_user(tx, role="admin")
    assert call("PUT", f"/admin/users/{member.id}/role", by=admin, json={"role": "admin"}).status_code == 200
    assert problem(call("GET", "/payouts", headers=token)) == (401, "session-ended")


def test_signing_out_everywhere_ends_an_organizers_tokens_at_once():
    member = a_member(role="organizer")
    token = signed_in(member)
    assert call("POST", "/auth/logout-everywhere", headers=token).status_code == 204
    assert problem(call("GET", "/payouts", headers=token)) == (401, "session-ended")


def test_gate_staff_who_were_moved_to_another_organizer_act_for_that_one():
    with transaction() as tx:
        first, second = a_user(tx, role="organizer"), a_user(tx, role="organizer")
    member = a_member(role="staff", organizer_id=first.id)
    token = signed_in(member)
    with transaction() as tx:
        tx.execute(text("UPDATE users SET organizer_id = :new WHERE id = :id"), {"new": second.id, "id": member.id})
        event = an_event(tx, organizer_id=first.id)
    scan = call("POST", "/tickets/scan", json={"event_id": str(event.id), "qr": "x"}, headers=token)
    assert problem(scan) == (404, "not-found")


@pytest.mark.parametrize("role", ["admin", "organizer", "staff"])
def test_who_is_deleted_is_nobody(role: str):
    with transaction() as tx:
        employer = a_user(tx, role="organizer").id if role == "staff" else None
        gone = a_user(tx, role=role, organizer_id=employer)
        tx.execute(text("UPDATE users SET is_deleted = true WHERE id = :id"), {"id": gone.id})
    path = "/gate/events" if role == "staff" else "/payouts"
    assert problem(call("GET", path, by=gone)) == (401, "not-signed-in")
    assert problem(call("GET", path, by=Principal(gone.id, "admin", None))) == (401, "not-signed-in")
