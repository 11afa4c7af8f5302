"""Sensitive changes need a proof of identity that is at most five minutes old (MFA-1)."""

from typing import Any
from uuid import UUID

import pytest
from flask import Response
from sqlalchemy import text

from shared.cloud import clock
from shared.cloud.database import transaction
from shared.cloud.settings import settings
from shared.identity.tokens import Principal, access_token, principal_of
from tests.endpoints import call, problem
from tests.factories import a_user
from tests.integration.identity.steps import NEW_PASSWORD, PASSWORD, Member, a_member, login

pytestmark = pytest.mark.usefixtures("database")

ACCOUNT = {"bank_code": "BCA", "account_number": "1234567890", "account_holder_name": "Siti Rahma"}
NOBODY = UUID(int=4)  # a test has one name in every process
SENSITIVE: list[tuple[str, str, str, dict[str, Any]]] = [
    ("customer", "PUT", "/account/bank-account", ACCOUNT),
    ("organizer", "PUT", "/account/bank-account", ACCOUNT),
    ("organizer", "POST", "/organizer/staff", {"email": "dewi@example.com", "full_name": "Dewi", "event_ids": []}),
    ("admin", "PUT", f"/admin/users/{NOBODY}/role", {"role": "customer"}),
    ("admin", "PUT", f"/admin/bank-accounts/{NOBODY}", {"status": "verified"}),
    ("admin", "POST", f"/admin/bank-accounts/{NOBODY}/release", {"reason": "Asked them"}),
    ("customer", "PUT", "/account", {"legal_name": "Siti Rahma"}),
    ("organizer", "PUT", "/account", {"legal_name": "Siti Rahma"}),
    ("admin", "POST", "/promos", {"code": "HEMAT", "percent": 10, "funded_by": "platform"}),
]
IDS = [f"{role} {method} {path.rpartition('/')[2][:12]}" for role, method, path, _ in SENSITIVE]


def bearer(principal: Principal, *, proven_seconds_ago: int | None, session_id: Any = None) -> dict[str, str]:
    """A token whose bearer has proved who they are so long ago, or in the dark past."""
    auth_time = None if proven_seconds_ago is None else int(clock.now().timestamp()) - proven_seconds_ago
    token = access_token(principal.id, principal.role, principal.organizer_id, session_id, auth_time=auth_time)
    return {"Authorization": f"Bearer {token}"}


def a_principal(role: str) -> Principal:
    with transaction() as tx:
        return a_user(tx, role=role)


@pytest.mark.parametrize("seconds_ago", [None, 301])
@pytest.mark.parametrize(("role", "method", "path", "body"), SENSITIVE, ids=IDS)
def test_an_old_proof_is_refused_and_the_answer_says_what_to_do(
    role: str, method: str, path: str, body: dict[str, Any], seconds_ago: int | None
):
    answer = call(method, path, json=body, headers=bearer(a_principal(role), proven_seconds_ago=seconds_ago))
    assert problem(answer) == (403, "fresh-proof-required")
    assert "/auth/confirm" in answer.get_json()["detail"]


@pytest.mark.parametrize(("role", "method", "path", "body"), SENSITIVE, ids=IDS)
def test_who_has_just_signed_in_is_not_asked_again(role: str, method: str, path: str, body: dict[str, Any]):
    answer = call(method, path, json=body, headers=bearer(a_principal(role), proven_seconds_ago=5))
    assert answer.status_code != 403, answer.get_data(as_text=True)


def test_organizers_codes_and_reading_need_no_fresh_proof():
    old = bearer(a_principal("organizer"), proven_seconds_ago=None)
    assert call("POST", "/promos", json={"code": "MURAH", "percent": 10}, headers=old).status_code == 201
    assert call("GET", "/account", headers=old).status_code == 200


def test_a_platforms_code_is_not_changed_without_a_fresh_proof():
    admin = a_principal("admin")
    made = call("POST", "/promos", by=admin, json={"code": "HEMAT2", "percent": 10, "funded_by": "platform"})
    change = {"json": {"percent": 100}, "headers": bearer(admin, proven_seconds_ago=None)}
    assert problem(call("PUT", f"/promos/{made.get_json()['id']}", **change)) == (403, "fresh-proof-required")


def auth_time(answer: Response) -> int:
    """When the bearer of an answer's tokens is said to have proved who they are."""
    principal = principal_of(answer.get_json()["access_token"])
    assert principal is not None
    assert principal.auth_time is not None
    return principal.auth_time


def test_refreshing_keeps_the_time_of_the_proof(member: Member):
    signed_in = call("POST", "/auth/login", json={"email": member.email, "password": PASSWORD})
    with transaction() as tx:
        tx.execute(
            text("UPDATE refresh_tokens SET proven_at = proven_at - interval '1 hour' WHERE user_id = :id"),
            {"id": member.id},
        )
    refreshed = call("POST", "/auth/refresh-token", json={"refresh_token": signed_in.get_json()["refresh_token"]})
    again = call("POST", "/auth/refresh-token", json={"refresh_token": refreshed.get_json()["refresh_token"]})
    assert auth_time(signed_in) - 3600 == auth_time(refreshed) == auth_time(again)


@pytest.fixture
def member() -> Member:
    return a_member()


def stale(member: Member) -> dict[str, str]:
    return bearer(Principal(member.id, "customer", None), proven_seconds_ago=900)


def test_the_password_is_a_fresh_proof(member: Member):
    answer = call("POST", "/auth/confirm", json={"password": PASSWORD}, headers=stale(member))
    assert answer.status_code == 200
    assert auth_time(answer) > clock.now().timestamp() - 60
    fresh = {"Authorization": f"Bearer {answer.get_json()['access_token']}"}
    assert call("PUT", "/account/bank-account", json=ACCOUNT, headers=fresh).status_code != 403


def test_a_mailed_code_is_a_fresh_proof_once(member: Member):
    assert call("POST", "/auth/confirm/code", headers=stale(member)).status_code == 202
    code = mailed_code(member)
    first, second = (call("POST", "/auth/confirm", json={"code": code}, headers=stale(member)) for _ in range(2))
    assert first.status_code == 200
    assert problem(second) == (422, "code-invalid")


def mailed_code(member: Member) -> str:
    with transaction() as tx:
        found: str = tx.execute(
            text("SELECT context ->> 'code' FROM emails WHERE to_address = :to AND template = 'confirm_identity'"),
            {"to": member.email},
        ).scalar_one()
    return found


def test_a_wrong_password_or_code_proves_nothing(member: Member):
    assert problem(call("POST", "/auth/confirm", json={"password": NEW_PASSWORD}, headers=stale(member))) == (
        422,
        "wrong-password",
    )
    assert problem(call("POST", "/auth/confirm", json={"code": "000000"}, headers=stale(member))) == (
        422,
        "code-invalid",
    )


@pytest.mark.parametrize("body", [{}, {"password": PASSWORD, "code": "123456"}])
def test_one_proof_is_given(member: Member, body: dict[str, str]):
    assert problem(call("POST", "/auth/confirm", json=body, headers=stale(member))) == (422, "invalid")


def test_a_proof_belongs_to_the_session_so_that_signing_out_ends_it(member: Member):
    signed_in = login(member.email)
    headers = {"Authorization": f"Bearer {signed_in.access_token}"}
    proved = call("POST", "/auth/confirm", json={"password": PASSWORD}, headers=headers).get_json()
    assert call("POST", "/auth/logout", json={"refresh_token": signed_in.refresh_token}).status_code == 204
    ended = call("POST", "/auth/refresh-token", json={"refresh_token": proved["refresh_token"]})
    assert problem(ended) == (401, "session-ended")


def test_how_old_a_proof_may_be_is_a_setting():
    assert settings().fresh_proof_seconds == 300
