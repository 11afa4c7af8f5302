"""SEC-012: a customer becomes an organizer by accepting the terms for organizers, and it is audited."""

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity.sessions import RefreshRequest, refresh
from shared.identity.tokens import Principal, principal_of
from tests.endpoints import call, problem
from tests.factories import a_gate_staff, a_user, an_event
from tests.integration.identity.steps import a_member, login

pytestmark = pytest.mark.usefixtures("database")

ACCEPTED = {"accept_organizer_terms": True, "full_name": "Senja Kreatif"}


def audited(person: Principal) -> list[str]:
    """The audit trail's lines about a person."""
    with transaction() as tx:
        query = text("SELECT action FROM audit_log WHERE subject_id = :id ORDER BY id")
        return list(tx.execute(query, {"id": str(person.id)}).scalars())


def test_a_customer_becomes_an_organizer_and_their_renewed_session_says_so():
    tokens = login(a_member().email)
    caller = principal_of(tokens.access_token)
    assert caller
    answer = call("POST", "/account/organizer", by=caller, json=ACCEPTED)
    assert (answer.status_code, answer.get_json()["role"]) == (200, "organizer")
    assert answer.get_json()["full_name"] == "Senja Kreatif"
    renewed = principal_of(refresh(RefreshRequest(refresh_token=tokens.refresh_token)).access_token)
    assert renewed
    assert (renewed.role, renewed.organizer_id) == ("organizer", caller.id)
    assert call("GET", "/organizer/events", by=renewed).status_code == 200
    assert audited(caller).count("user.became_organizer") == 1


def test_who_may_hold_events_already_stays_what_they_are():
    with transaction() as tx:
        organizer, admin = a_user(tx, role="organizer"), a_user(tx, role="admin")
    for person in (organizer, admin):
        assert call("POST", "/account/organizer", by=person, json=ACCEPTED).get_json()["role"] == person.role
        assert "user.became_organizer" not in audited(person)


def test_gate_staff_stay_gate_staff():
    with transaction() as tx:
        staff = a_gate_staff(tx, an_event(tx))
    assert problem(call("POST", "/account/organizer", by=staff, json=ACCEPTED)) == (409, "role-fixed")


@pytest.mark.parametrize("before", ["organizer", "admin"])
def test_who_lost_the_role_by_an_admin_gets_it_back_by_an_admin_only(before: str):
    with transaction() as tx:
        admin, person = a_user(tx, role="admin"), a_user(tx, role=before)
    change = {"by": admin, "json": {"role": "customer"}}
    assert call("PUT", f"/admin/users/{person.id}/role", **change).status_code == 200
    caller = Principal(person.id, "customer", None)
    assert problem(call("POST", "/account/organizer", by=caller, json=ACCEPTED)) == (403, "role-taken")
    assert call("PUT", f"/admin/users/{person.id}/role", by=admin, json={"role": "organizer"}).status_code == 200
    assert call("POST", "/account/organizer", by=caller, json=ACCEPTED).get_json()["role"] == "organizer"


@pytest.mark.parametrize("wanted", [{}, {"accept_organizer_terms": False}])
def test_nobody_becomes_one_without_accepting_the_terms(wanted: dict[str, bool]):
    with transaction() as tx:
        customer = a_user(tx)
    assert problem(call("POST", "/account/organizer", by=customer, json=wanted)) == (422, "invalid")
    assert audited(customer) == []
