"""SEC-012: what admins make of accounts, and the trace it leaves."""

from uuid import uuid4

import pytest
from flask import Response
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity.sessions import RefreshRequest, SessionEnded, refresh
from shared.identity.tokens import Principal
from tests.endpoints import call, problem
from tests.factories import a_user
from tests.integration.identity.steps import a_member, column, login
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def admin() -> Principal:
    with transaction() as tx:
        return a_user(tx, role="admin")


def change(by: Principal, user_id: object, role: str) -> Response:
    """The endpoint's answer."""
    return call("PUT", f"/admin/users/{user_id}/role", by=by, json={"role": role})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("customer", "organizer"),
        ("organizer", "customer"),
        ("customer", "admin"),
        ("organizer", "admin"),
        ("admin", "customer"),
        ("admin", "organizer"),
    ],
)
def test_a_role_is_changed_with_a_trace_and_the_sessions_end(admin: Principal, before: str, after: str):
    member = a_member(role=before)
    session = login(member.email)
    answer = change(admin, member.id, after)
    assert (answer.status_code, answer.get_json()["role"]) == (200, after)
    assert column("role", member.email) == after
    with pytest.raises(SessionEnded):
        refresh(RefreshRequest(refresh_token=session.refresh_token))
    with transaction() as tx:
        line = tx.execute(
            text("SELECT actor_id, details FROM audit_log WHERE action = 'user.role_changed' AND subject_id = :id"),
            {"id": str(member.id)},
        ).one()
    assert (line.actor_id, line.details) == (admin.id, {"before": before, "after": after})


def test_the_same_role_again_changes_nothing(admin: Principal):
    member = a_member()
    session = login(member.email)
    assert change(admin, member.id, "customer").status_code == 200
    assert refresh(RefreshRequest(refresh_token=session.refresh_token))


def test_who_is_no_admin_any_more_changes_nobody_with_a_token_that_is_still_out(admin: Principal):
    with transaction() as tx:
        leaked = a_user(tx, role="admin")
    assert change(admin, leaked.id, "customer").status_code == 200
    assert problem(change(leaked, admin.id, "customer")) == (403, "forbidden")
    assert problem(change(leaked, leaked.id, "admin")) == (403, "forbidden")


def test_of_two_admins_who_end_each_other_one_is_left():
    for _ in range(4):
        with transaction() as tx:
            first, second = a_user(tx, role="admin"), a_user(tx, role="admin")
        acts = [lambda a=a, b=b: change(a, b.id, "customer").status_code for a, b in ((first, second), (second, first))]
        assert sorted(at_the_same_time(acts)) == [200, 403]


def test_staff_and_oneself_stay_what_they_are(admin: Principal):
    with transaction() as tx:
        staff = a_user(tx, role="staff", organizer_id=a_user(tx, role="organizer").id)
    for user_id in (staff.id, admin.id):
        assert problem(change(admin, user_id, "customer")) == (409, "role-fixed")


@pytest.mark.parametrize("role", ["staff", "owner", ""])
def test_other_roles_are_not_to_be_had(admin: Principal, role: str):
    assert problem(change(admin, a_member().id, role)) == (422, "invalid")


def test_nobody_else_may(admin: Principal):
    member = a_member()
    with transaction() as tx:
        organizer = a_user(tx, role="organizer")
    assert problem(change(organizer, member.id, "admin")) == (403, "forbidden")
    assert problem(change(Principal(member.id, "customer", None), member.id, "admin")) == (403, "forbidden")
    assert problem(change(admin, uuid4(), "admin")) == (404, "not-found")
    assert column("role", member.email) == "customer"
