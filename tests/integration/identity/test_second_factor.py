"""A second factor is asked for on every way in, once for each code, and guessed by nobody (MFA-1)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask, Response, request
from sqlalchemy import text

from functions.site.main import main as site
from shared.cloud import clock
from shared.cloud.database import transaction
from shared.cloud.settings import settings
from shared.identity import code_sign_in, login_throttling, second_factor_resets
from shared.identity.client_networks import ClientNetwork, device_token
from shared.identity.code_sign_in import SignInCodeRequest
from shared.identity.tokens import Principal, principal_of
from shared.messages import mails, second_factor_command
from tests.endpoints import call, problem
from tests.integration.identity.google_double import Google
from tests.integration.identity.phones import (
    Enrolled,
    Phone,
    answer,
    challenge,
    enrol,
    enrolled,
    let_codes_pass,
    occasions,
)
from tests.integration.identity.steps import NEW_PASSWORD, PASSWORD, a_member, another, code_in, forget_password
from tests.integration.identity.test_fresh_proof import auth_time, bearer, mailed_code

pytestmark = pytest.mark.usefixtures("database", "still")


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The product's clock stands still, so that a code is good however long the machine pauses."""
    moment = clock.now()
    monkeypatch.setattr(clock, "now", lambda: moment)


@pytest.fixture
def somebody() -> Enrolled:
    return enrolled()


@pytest.fixture
def required(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Admins must have a second factor, as in the cloud."""
    monkeypatch.setenv("SECOND_FACTOR_FOR_ADMINS", "required")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def test_the_password_alone_signs_nobody_in_who_has_a_second_factor(somebody: Enrolled):
    refused = call("POST", "/auth/login", json={"email": somebody.email, "password": PASSWORD})
    assert problem(refused) == (401, "second-factor-challenge")
    assert "access_token" not in refused.get_json()
    given = refused.get_json()["challenge"]
    assert principal_of(given) is None, "a challenge is no access token"
    tokens = answer(given, somebody.phone.code())
    assert tokens.status_code == 200
    assert principal_of(tokens.get_json()["access_token"]) == somebody.principal


def test_a_mailed_code_alone_signs_nobody_in_either(somebody: Enrolled):
    code = sign_in_code(somebody.email)
    body = {"email": somebody.email, "code": code}
    refused = call("POST", "/auth/code/verify", json=body)
    assert problem(refused) == (401, "second-factor-challenge")
    assert problem(call("POST", "/auth/code/verify", json=body)) == (422, "code-invalid")
    assert answer(refused.get_json()["challenge"], somebody.phone.code()).status_code == 200


def sign_in_code(email: str) -> str:
    letters: list[Any] = []
    code_sign_in.send_code(SignInCodeRequest(email=email), ClientNetwork(), lambda _, letter: letters.append(letter))
    return code_in(letters[-1])


def test_google_alone_signs_nobody_in_either(google: Google):
    member = a_member(email_domain="gmail.com", role="organizer")
    somebody = enrol(member)
    token = google.token(sub=uuid4().hex, email=member.email)
    refused = call("POST", "/auth/google", json={"id_token": token})
    assert problem(refused) == (401, "second-factor-challenge")
    assert problem(call("POST", "/auth/google", json={"id_token": token})) == (401, "google-token-invalid")
    assert answer(refused.get_json()["challenge"], somebody.phone.code()).status_code == 200


def test_a_new_password_leaves_the_second_factor_and_voids_open_challenges(somebody: Enrolled):
    before = challenge(somebody.email)
    code = code_in(forget_password(somebody.email))
    body = {"email": somebody.email, "code": code, "password": NEW_PASSWORD}
    assert call("POST", "/auth/reset-password", json=body).status_code == 204
    assert problem(answer(before, somebody.phone.code())) == (401, "challenge-expired")
    after = challenge(somebody.email, NEW_PASSWORD)
    assert answer(after, somebody.phone.code()).status_code == 200


def test_refreshing_asks_for_nothing_as_the_session_has_proved_both(somebody: Enrolled):
    tokens = answer(challenge(somebody.email), somebody.phone.code()).get_json()
    again = call("POST", "/auth/refresh-token", json={"refresh_token": tokens["refresh_token"]})
    assert again.status_code == 200


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_phone_whose_clock_is_half_a_minute_off_signs_in(somebody: Enrolled, steps: int):
    assert answer(challenge(somebody.email), somebody.phone.code(steps)).status_code == 200


@pytest.mark.parametrize("steps", [-2, 2])
def test_an_older_or_later_code_is_refused(somebody: Enrolled, steps: int):
    assert problem(answer(challenge(somebody.email), somebody.phone.code(steps))) == (422, "second-factor-invalid")


def test_a_code_and_those_before_it_are_not_accepted_again(somebody: Enrolled):
    given = challenge(somebody.email)
    assert answer(given, somebody.phone.code()).status_code == 200
    assert problem(answer(given, somebody.phone.code())) == (422, "second-factor-invalid")
    assert problem(answer(given, somebody.phone.code(-1))) == (422, "second-factor-invalid")
    assert answer(given, somebody.phone.code(1)).status_code == 200


@pytest.mark.parametrize("kind", ["app", "recovery code"])
def test_of_one_code_sent_twice_at_once_one_signs_in(somebody: Enrolled, kind: str):
    code = somebody.phone.code() if kind == "app" else somebody.recovery_codes[0]
    given = challenge(somebody.email)
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(lambda _: answer(given, code).status_code, range(4)))
    assert statuses == [200, 422, 422, 422]


def test_a_recovery_code_signs_in_once_and_the_owner_is_told_how_many_are_left(somebody: Enrolled):
    typed = somebody.recovery_codes[3].lower().replace("-", " ")
    assert answer(challenge(somebody.email), typed).status_code == 200
    assert problem(answer(challenge(somebody.email), typed)) == (422, "second-factor-invalid")
    assert occasions(somebody.email) == ["enabled", "recovery_code_used"]
    shown = call("GET", "/account/second-factor", by=somebody.principal).get_json()
    assert (shown["is_enabled"], shown["recovery_codes_left"]) == (True, 9)


def test_recovery_codes_and_secrets_are_not_in_the_database(somebody: Enrolled):
    with transaction() as tx:
        kept = tx.execute(text("SELECT array_agg(f::text) FROM second_factors f")).scalar_one()
        hashes = tx.execute(text("SELECT array_agg(c::text) FROM recovery_codes c")).scalar_one()
    assert somebody.phone.secret not in str(kept)
    assert not any(code.replace("-", "") in str(hashes) for code in somebody.recovery_codes)


# Guessing


def test_wrong_codes_have_to_wait_although_the_password_is_right(somebody: Enrolled):
    for _ in range(5):
        wrong = answer(challenge(somebody.email), another(somebody.phone.code()))
        assert problem(wrong) == (422, "second-factor-invalid")
    waits = answer(challenge(somebody.email), somebody.phone.code())
    assert problem(waits) == (429, "too-many-attempts")
    assert answer(challenge(somebody.email), somebody.recovery_codes[0]).status_code == 200


def test_unknown_devices_share_a_budget_that_stops_no_known_device(somebody: Enrolled):
    with transaction() as tx:
        for _ in range(login_throttling.SECOND_FACTOR.most):
            login_throttling.spend(tx, login_throttling.SECOND_FACTOR, somebody.email)
    given = challenge(somebody.email)
    assert problem(answer(given, somebody.phone.code())) == (429, "too-many-attempts")
    device = device_token(None, somebody.member.id)
    known = answer(given, somebody.phone.code(), Cookie=f"__Host-device={device}")
    assert known.status_code == 200


def test_signing_in_gives_the_attempt_back(somebody: Enrolled):
    for _ in range(login_throttling.SECOND_FACTOR.most + 5):
        let_codes_pass(somebody.member.id)
        assert answer(challenge(somebody.email), somebody.phone.code()).status_code == 200


@pytest.mark.parametrize("given", ["", "x", "a.b.c"])
def test_what_is_no_challenge_signs_nobody_in(given: str):
    assert answer(given, "123456").status_code in (401, 422)


def test_an_access_token_is_no_challenge(somebody: Enrolled):
    token = answer(challenge(somebody.email), somebody.phone.code()).get_json()["access_token"]
    assert problem(answer(token, somebody.phone.code(1))) == (401, "challenge-expired")


def test_a_challenge_ends_with_the_second_factor_it_was_made_for(somebody: Enrolled):
    given = challenge(somebody.email)
    assert call("DELETE", "/account/second-factor", by=somebody.principal).status_code == 204
    assert problem(answer(given, somebody.phone.code())) == (401, "challenge-expired")


# Setting up and switching off


def test_an_organizer_sets_up_a_second_factor_and_other_devices_are_signed_out():
    member = a_member(role="organizer")
    here, elsewhere = (
        call("POST", "/auth/login", json={"email": member.email, "password": PASSWORD}).get_json() for _ in range(2)
    )
    headers = {"Authorization": f"Bearer {here['access_token']}"}
    begun = call("POST", "/account/second-factor", headers=headers).get_json()
    assert begun["uri"].startswith("otpauth://totp/Karcis:")
    body = {"enrolment": begun["enrolment"], "code": Phone(begun["secret"]).code()}
    made = call("POST", "/account/second-factor/confirm", json=body, headers=headers)
    assert len(set(made.get_json()["recovery_codes"])) == 10
    assert call("POST", "/auth/refresh-token", json={"refresh_token": here["refresh_token"]}).status_code == 200
    ended = call("POST", "/auth/refresh-token", json={"refresh_token": elsewhere["refresh_token"]})
    assert problem(ended) == (401, "session-ended")
    assert occasions(member.email) == ["enabled"]


def test_a_wrong_first_code_sets_up_nothing():
    member = a_member(role="organizer")
    caller = Principal(member.id, "organizer", member.id)
    begun = call("POST", "/account/second-factor", by=caller).get_json()
    body = {"enrolment": begun["enrolment"], "code": another(Phone(begun["secret"]).code())}
    refused = call("POST", "/account/second-factor/confirm", by=caller, json=body)
    assert problem(refused) == (422, "second-factor-invalid")
    assert not call("GET", "/account/second-factor", by=caller).get_json()["is_enabled"]


def test_an_enrolment_that_is_sent_twice_leaves_the_recovery_codes():
    member = a_member(role="organizer")
    caller = Principal(member.id, "organizer", member.id)
    begun = call("POST", "/account/second-factor", by=caller).get_json()
    body = {"enrolment": begun["enrolment"], "code": Phone(begun["secret"]).code()}
    first, second = (call("POST", "/account/second-factor/confirm", by=caller, json=body) for _ in range(2))
    assert problem(second) == (409, "already-enrolled")
    assert answer(challenge(member.email), first.get_json()["recovery_codes"][0]).status_code == 200


def test_an_enrolment_is_good_for_its_owner_only():
    one, other = (Principal(a_member(role="organizer").id, "organizer", None) for _ in range(2))
    begun = call("POST", "/account/second-factor", by=one).get_json()
    body = {"enrolment": begun["enrolment"], "code": Phone(begun["secret"]).code()}
    assert problem(call("POST", "/account/second-factor/confirm", by=other, json=body)) == (422, "enrolment-expired")


@pytest.mark.parametrize("given", ["x", "v1.", "v1.x", "v1.AAAA", "v7.AAAA", "v99999999999999999999.AAAA", "v1/../2.A"])
def test_what_is_no_enrolment_sets_up_nothing(given: str):
    caller = Principal(a_member(role="organizer").id, "organizer", None)
    body = {"enrolment": given, "code": "123456"}
    assert problem(call("POST", "/account/second-factor/confirm", by=caller, json=body)) == (422, "enrolment-expired")


def test_another_phone_takes_the_place_of_the_former_only_once_it_is_confirmed(somebody: Enrolled):
    begun = call("POST", "/account/second-factor", by=somebody.principal).get_json()
    new = Phone(begun["secret"])
    assert answer(challenge(somebody.email), somebody.phone.code()).status_code == 200
    body = {"enrolment": begun["enrolment"], "code": new.code()}
    assert call("POST", "/account/second-factor/confirm", by=somebody.principal, json=body).status_code == 200
    given = challenge(somebody.email)
    assert problem(answer(given, somebody.phone.code(1))) == (422, "second-factor-invalid")
    assert problem(answer(given, somebody.recovery_codes[0])) == (422, "second-factor-invalid")
    assert answer(given, new.code(1)).status_code == 200


@pytest.mark.parametrize("role", ["customer", "staff"])
def test_buyers_and_gate_staff_on_shared_phones_have_none(role: str):
    member = a_member(role=role, organizer_id=a_member(role="organizer").id if role == "staff" else None)
    caller = Principal(member.id, role, None)
    assert problem(call("POST", "/account/second-factor", by=caller)) == (403, "forbidden")


SENSITIVE = [
    ("POST", "/account/second-factor", None),
    ("POST", "/account/second-factor/confirm", {"enrolment": "x", "code": "123456"}),
    ("POST", "/account/second-factor/recovery-codes", None),
    ("DELETE", "/account/second-factor", None),
]


@pytest.mark.parametrize(("method", "path", "body"), SENSITIVE, ids=[f"{each[0]} {each[1][9:]}" for each in SENSITIVE])
def test_changing_it_takes_a_fresh_proof(somebody: Enrolled, method: str, path: str, body: dict[str, str] | None):
    old = bearer(somebody.principal, proven_seconds_ago=301)
    assert problem(call(method, path, json=body, headers=old)) == (403, "fresh-proof-required")


def test_switching_it_off_is_told_by_mail_and_signs_in_by_one_step_again(somebody: Enrolled):
    assert call("DELETE", "/account/second-factor", by=somebody.principal).status_code == 204
    assert problem(call("DELETE", "/account/second-factor", by=somebody.principal)) == (404, "not-found")
    signed_in = call("POST", "/auth/login", json={"email": somebody.email, "password": PASSWORD})
    assert signed_in.status_code == 200
    assert occasions(somebody.email) == ["enabled", "disabled"]


def test_new_recovery_codes_end_the_former_ones(somebody: Enrolled):
    made = call("POST", "/account/second-factor/recovery-codes", by=somebody.principal).get_json()
    given = challenge(somebody.email)
    assert problem(answer(given, somebody.recovery_codes[0])) == (422, "second-factor-invalid")
    assert answer(given, made["recovery_codes"][0]).status_code == 200
    assert occasions(somebody.email) == ["enabled", "new_recovery_codes", "recovery_code_used"]


# Proving it again


def stale(somebody: Enrolled) -> dict[str, str]:
    return bearer(somebody.principal, proven_seconds_ago=900)


def test_a_fresh_proof_takes_the_second_factor_too(somebody: Enrolled):
    missing = call("POST", "/auth/confirm", json={"password": PASSWORD}, headers=stale(somebody))
    assert problem(missing) == (422, "invalid")
    assert missing.get_json()["errors"] == [{"field": "second_factor", "message": "is missing"}]
    body = {"password": PASSWORD, "second_factor": somebody.phone.code()}
    assert problem(call("POST", "/auth/confirm", json={**body, "password": NEW_PASSWORD}, headers=stale(somebody))) == (
        422,
        "wrong-password",
    )
    proved = call("POST", "/auth/confirm", json=body, headers=stale(somebody))
    assert auth_time(proved) > clock.now().timestamp() - 60
    assert problem(call("POST", "/auth/confirm", json=body, headers=stale(somebody))) == (422, "second-factor-invalid")


def test_a_wrong_second_factor_leaves_the_mailed_code_good(somebody: Enrolled):
    assert call("POST", "/auth/confirm/code", headers=stale(somebody)).status_code == 202
    code = mailed_code(somebody.member)
    wrong = {"code": code, "second_factor": another(somebody.phone.code())}
    assert problem(call("POST", "/auth/confirm", json=wrong, headers=stale(somebody))) == (422, "second-factor-invalid")
    right = {"code": code, "second_factor": somebody.phone.code()}
    assert call("POST", "/auth/confirm", json=right, headers=stale(somebody)).status_code == 200


def test_guesses_in_an_open_session_have_to_wait(somebody: Enrolled):
    body = {"password": PASSWORD, "second_factor": another(somebody.phone.code())}
    for _ in range(5):
        refused = call("POST", "/auth/confirm", json=body, headers=stale(somebody))
        assert problem(refused) == (422, "second-factor-invalid")
    assert problem(call("POST", "/auth/confirm", json=body, headers=stale(somebody))) == (429, "too-many-attempts")


def test_changing_the_password_proves_no_second_factor(somebody: Enrolled):
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    tokens = call("PUT", "/account/password", json=body, headers=stale(somebody)).get_json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert problem(call("DELETE", "/account/second-factor", headers=headers)) == (403, "fresh-proof-required")


def test_deleting_the_account_takes_it_and_leaves_nothing_of_it(somebody: Enrolled):
    missing = call("POST", "/account/delete", json={"password": PASSWORD}, by=somebody.principal)
    assert problem(missing) == (422, "invalid")
    body = {"password": PASSWORD, "second_factor": somebody.phone.code()}
    assert call("POST", "/account/delete", json=body, by=somebody.principal).status_code == 204
    names = {"id": somebody.member.id}
    with transaction() as tx:
        assert tx.execute(text("SELECT count(*) FROM second_factors WHERE user_id = :id"), names).scalar_one() == 0
        assert tx.execute(text("SELECT count(*) FROM recovery_codes WHERE user_id = :id"), names).scalar_one() == 0


# Admins


def test_an_admin_without_it_can_only_set_it_up(required: None):
    admin = Principal(a_member(role="admin").id, "admin", None)
    assert problem(call("GET", "/admin/manual-tasks", by=admin)) == (403, "second-factor-required")
    assert problem(call("GET", "/payouts", by=admin)) == (403, "second-factor-required")
    assert call("GET", "/account", by=admin).status_code == 200
    begun = call("POST", "/account/second-factor", by=admin).get_json()
    body = {"enrolment": begun["enrolment"], "code": Phone(begun["secret"]).code()}
    assert call("POST", "/account/second-factor/confirm", by=admin, json=body).status_code == 200
    assert call("GET", "/admin/manual-tasks", by=admin).status_code == 200
    assert problem(call("DELETE", "/account/second-factor", by=admin)) == (403, "second-factor-required")


def test_the_desk_leads_an_admin_without_it_to_its_page(required: None):
    admin = Principal(a_member(role="admin").id, "admin", None)
    with Flask("tests").test_request_context("/admin", headers=bearer(admin, proven_seconds_ago=5)):
        led = site(request)
    assert (led.status_code, led.headers["Location"]) == (303, "/account/second-factor?next=%2Fadmin")


def test_where_it_is_optional_an_admin_works_without_it():
    admin = Principal(a_member(role="admin").id, "admin", None)
    assert call("GET", "/admin/manual-tasks", by=admin).status_code == 200


def test_it_is_required_unless_somebody_says_otherwise():
    assert type(settings())().second_factor_for_admins == "required"


# A lost phone


def ask_for_reset(given: str) -> Any:
    return call("POST", "/auth/second-factor/reset", json={"challenge": given})


def mailed_challenge(email: str) -> str:
    refused = call("POST", "/auth/code/verify", json={"email": email, "code": sign_in_code(email)})
    given: str = refused.get_json()["challenge"]
    return given


def let_resets_be_due() -> None:
    with transaction() as tx:
        tx.execute(text("UPDATE second_factors SET reset_due_at = now() WHERE reset_due_at IS NOT NULL"))


def test_who_lost_everything_proves_the_mailbox_and_waits_three_days(somebody: Enrolled):
    asked = ask_for_reset(mailed_challenge(somebody.email))
    assert asked.status_code == 202
    second_factor_resets.carry_out_due(mails.enqueue_for_account)
    challenge(somebody.email)
    let_resets_be_due()
    second_factor_resets.carry_out_due(mails.enqueue_for_account)
    assert call("POST", "/auth/login", json={"email": somebody.email, "password": PASSWORD}).status_code == 200
    assert occasions(somebody.email) == ["enabled", "reset_requested", "reset"]


def test_asked_for_twice_it_is_no_later(somebody: Enrolled):
    given = mailed_challenge(somebody.email)
    first, second = (ask_for_reset(given).get_json()["reset_due_at"] for _ in range(2))
    assert first == second
    assert occasions(somebody.email) == ["enabled", "reset_requested"]


def test_the_password_is_not_enough_to_ask_for_it(somebody: Enrolled):
    assert problem(ask_for_reset(challenge(somebody.email))) == (403, "mailed-code-required")


def test_an_admins_is_not_reset_by_waiting():
    admin = enrolled("admin")
    assert problem(ask_for_reset(mailed_challenge(admin.email))) == (403, "admin-reset-only")


def test_an_admin_resets_that_of_an_organizer_at_once(somebody: Enrolled):
    admin = an_admin()
    done = reset(somebody, admin)
    assert done.get_json() == {"is_reset": True, "approval": None}
    assert call("POST", "/auth/login", json={"email": somebody.email, "password": PASSWORD}).status_code == 200
    assert occasions(somebody.email) == ["enabled", "reset"]
    assert problem(reset(somebody, admin)) == (404, "not-found")


def test_that_of_an_admin_is_reset_by_two_others():
    lost, one, other = enrolled("admin"), an_admin(), an_admin()
    asked = reset(lost, one).get_json()
    assert not asked["is_reset"]
    challenge(lost.email)
    approve = f"/admin/approvals/{asked['approval']['id']}/approve"
    assert problem(call("POST", approve, by=one)) == (409, "own-approval-request")
    assert problem(call("POST", approve, by=lost.principal)) == (403, "forbidden")
    assert call("POST", approve, by=other).status_code == 200
    assert call("POST", "/auth/login", json={"email": lost.email, "password": PASSWORD}).status_code == 200
    assert occasions(lost.email) == ["enabled", "reset"]


def test_an_operator_resets_that_of_the_last_admin(capsys: pytest.CaptureFixture[str]):
    lost = enrolled("admin")
    assert second_factor_command.main(["reset", lost.email, "--reason", "Called her"]) == 0
    assert second_factor_command.main(["reset", lost.email, "--reason", "Called her"]) == 1
    assert "no account with a second factor" in capsys.readouterr().err
    assert occasions(lost.email) == ["enabled", "reset"]


def test_nobody_asks_to_reset_their_own():
    admin = enrolled("admin")
    assert problem(reset(admin, admin.principal)) == (403, "forbidden")


def an_admin() -> Principal:
    return Principal(a_member(role="admin").id, "admin", None)


def reset(somebody: Enrolled, admin: Principal) -> Response:
    body = {"reason": "Saw them in a video call"}
    return call("POST", f"/admin/users/{somebody.member.id}/second-factor/reset", json=body, by=admin)


def test_whoever_still_has_it_ends_the_reset_by_signing_in(somebody: Enrolled):
    ask_for_reset(mailed_challenge(somebody.email))
    assert answer(challenge(somebody.email), somebody.phone.code()).status_code == 200
    let_resets_be_due()
    second_factor_resets.carry_out_due(mails.enqueue_for_account)
    challenge(somebody.email)
    assert occasions(somebody.email) == ["enabled", "reset_requested", "reset_cancelled"]


def test_the_copy_of_ones_data_tells_of_it_without_the_secret(somebody: Enrolled):
    copy = call("GET", "/account/export", by=somebody.principal)
    assert copy.get_json()["second_factors"][0]["recovery_codes_left"] == 10
    assert somebody.phone.secret not in copy.get_data(as_text=True)


def test_whoever_becomes_an_admin_meanwhile_loses_it_to_no_wait(somebody: Enrolled):
    ask_for_reset(mailed_challenge(somebody.email))
    give_role(somebody, "admin")
    let_resets_be_due()
    second_factor_resets.carry_out_due(mails.enqueue_for_account)
    assert occasions(somebody.email) == ["enabled", "reset_requested", "reset_cancelled"]
    assert problem(call("POST", "/auth/login", json={"email": somebody.email, "password": PASSWORD})) == (
        401,
        "second-factor-challenge",
    )


def test_an_admin_resets_no_other_admins_alone_by_taking_their_role_first():
    lost = enrolled(role="admin")
    give_role(lost, "organizer")
    asked = reset(lost, an_admin()).get_json()
    assert not asked["is_reset"]


def give_role(somebody: Enrolled, role: str) -> None:
    answer = call("PUT", f"/admin/users/{somebody.member.id}/role", json={"role": role}, by=an_admin())
    assert answer.status_code == 200, answer.get_data(as_text=True)
