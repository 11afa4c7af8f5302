"""UM-007, UM-008, DP-005: one's own profile and password, as the endpoints answer."""

from typing import Any

import pytest
from flask import Response
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity.sessions import Tokens
from shared.identity.tokens import Principal
from tests.endpoints import call, problem
from tests.integration.identity.steps import NEW_PASSWORD, PASSWORD, Member, a_member, column, login

pytestmark = pytest.mark.usefixtures("database")


def by(member: Member) -> Principal:
    """The caller."""
    return Principal(member.id, "customer", None)


def put(member: Member, path: str = "/account", **body: Any) -> Response:
    """Call the endpoint."""
    return call("PUT", path, by=by(member), json=body)


def refresh(refresh_token: str) -> int:
    """The status of exchanging a refresh token."""
    return call("POST", "/auth/refresh-token", json={"refresh_token": refresh_token}).status_code


def test_a_profile_is_seen_and_changed_field_by_field():
    member = a_member()
    before = call("GET", "/account", by=by(member)).get_json()
    assert (before["id"], before["email"], before["full_name"]) == (str(member.id), member.email, "Siti Rahma")
    assert (before["marketing_opt_in"], before["has_password"], before["is_linked_to_google"]) == (False, True, False)

    changed = put(member, full_name="  Siti R.  ", phone="+62 812-3456-789", language="en", marketing_opt_in=True)
    assert changed.status_code == 200
    after = {**before, "full_name": "Siti R.", "phone": "+62 812-3456-789", "language": "en", "marketing_opt_in": True}
    assert changed.get_json() == after
    assert put(member).get_json() == after, "nothing given, nothing changed"
    assert put(member, phone=None).get_json() == {**after, "phone": None}


def test_consent_to_marketing_is_kept_with_its_time():
    member = a_member()
    put(member, full_name="Siti")
    assert column("marketing_changed_at", member.email) is None
    put(member, marketing_opt_in=True)
    given = column("marketing_changed_at", member.email)
    assert given is not None
    put(member, marketing_opt_in=True)
    assert column("marketing_changed_at", member.email) == given, "said again, not given again"
    put(member, marketing_opt_in=False)
    assert column("marketing_changed_at", member.email) > given


@pytest.mark.parametrize(
    "wrong",
    [
        {"full_name": None},
        {"full_name": " "},
        {"phone": "call me"},
        {"language": "fr"},
        {"marketing_opt_in": "yes"},
        {"email": "other@example.com"},
        {"role": "admin"},
    ],
    ids=str,
)
def test_what_can_not_be_changed_is_named(wrong: dict[str, Any]):
    answer = put(a_member(), **wrong)
    assert problem(answer) == (422, "invalid")
    assert [error["field"] for error in answer.get_json()["errors"]] == list(wrong)


def test_a_stranger_and_a_deleted_account_see_nothing():
    assert problem(call("GET", "/account")) == (401, "not-signed-in")
    member = a_member()
    with transaction() as tx:
        tx.execute(text("UPDATE users SET is_deleted = true WHERE id = :id"), {"id": member.id})
    assert problem(call("GET", "/account", by=by(member))) == (401, "not-signed-in")
    assert problem(put(member, full_name="Siti")) == (401, "not-signed-in")


def test_a_new_password_ends_all_other_sessions():
    member = a_member()
    others: list[Tokens] = [login(member.email) for _ in range(2)]
    answer = put(member, "/account/password", current_password=PASSWORD, new_password=NEW_PASSWORD)
    assert answer.status_code == 200
    assert [refresh(other.refresh_token) for other in others] == [401, 401]
    assert refresh(answer.get_json()["refresh_token"]) == 200
    assert login(member.email, NEW_PASSWORD)
    with transaction() as tx:
        audited = text("SELECT actor_id FROM audit_log WHERE action = 'user.password_changed' AND subject_id = :id")
        assert tx.execute(audited, {"id": str(member.id)}).scalar_one() == member.id


def test_a_new_password_needs_the_current_one_and_must_be_a_good_one():
    member = a_member()
    session = login(member.email)
    wrong = put(member, "/account/password", current_password=NEW_PASSWORD, new_password=NEW_PASSWORD)
    assert problem(wrong) == (422, "wrong-password")
    weak = put(member, "/account/password", current_password=PASSWORD, new_password="weak")
    assert problem(weak) == (422, "invalid")
    assert refresh(session.refresh_token) == 200
    assert login(member.email)


def test_an_account_without_a_password_gets_one_by_mail_only():
    member = a_member()
    with transaction() as tx:
        tx.execute(text("UPDATE users SET password_hash = NULL WHERE id = :id"), {"id": member.id})
    answer = put(member, "/account/password", current_password="", new_password=NEW_PASSWORD)
    assert problem(answer) == (422, "wrong-password")


def test_signing_out_everywhere():
    member, somebody_else = a_member(), a_member()
    sessions = [login(member.email) for _ in range(3)]
    kept = login(somebody_else.email)
    assert call("POST", "/auth/logout-everywhere", by=by(member)).status_code == 204
    assert [refresh(session.refresh_token) for session in sessions] == [401] * 3
    assert refresh(kept.refresh_token) == 200
    assert problem(call("POST", "/auth/logout-everywhere")) == (401, "not-signed-in")
