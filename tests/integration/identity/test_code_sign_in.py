"""AUTH-1: signing in by a mailed code, without a password; who has no account gets one."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.cloud.settings import settings
from shared.identity import (
    accounts,
    client_networks,
    code_mails,
    code_sign_in,
    erasure,
    login_throttling,
    password_reset,
    people,
    registration,
    tokens,
)
from shared.identity.accounts import TERMS_VERSION, AccountEmail, TermsNotAccepted
from shared.identity.client_networks import UNKNOWN_CLIENT, ClientNetwork
from shared.identity.code_sign_in import SignInCodeRequest, SignInProof
from shared.identity.codes import CodeInvalid
from shared.identity.login_throttling import TooManyAttempts
from shared.identity.password_reset import PasswordReset
from shared.identity.password_sign_in import InvalidCredentials
from shared.identity.sessions import Tokens
from shared.problems import Problem
from tests.endpoints import call, problem
from tests.factories import a_gate_staff, an_event
from tests.integration.identity.steps import (
    NEW_PASSWORD,
    PASSWORD,
    a_member,
    an_address,
    another,
    code_in,
    column,
    forget_password,
    login,
    register,
)
from tests.threads import at_the_same_time, behind

pytestmark = pytest.mark.usefixtures("database")

HOME, ELSEWHERE = ClientNetwork("192.0.2.0/24"), ClientNetwork("198.51.100.0/24")


def request_code(email: str, place: ClientNetwork = UNKNOWN_CLIENT, **fields: Any) -> AccountEmail | None:
    """Ask for a code, with the terms accepted unless told otherwise; the mail that comes."""
    letters: list[AccountEmail | None] = [None]
    request = SignInCodeRequest(email=email, **{"accept_terms": True, **fields})
    code_sign_in.send_code(request, place, lambda _, letter: letters.append(letter))
    return letters[-1]


def enter(email: str, code: str, place: ClientNetwork = UNKNOWN_CLIENT, **fields: Any) -> Tokens:
    return code_sign_in.sign_in(SignInProof(email=email, code=code, **fields), place)


def role(answer: Tokens) -> str | None:
    principal = tokens.principal_of(answer.access_token)
    return principal and principal.role


def is_there(email: str) -> bool:
    with transaction() as tx:
        return people.find(tx, email) is not None


def let_pass(seconds: int) -> None:
    """Make every code to sign in, and all that was tried, that much older."""
    for statement in (
        "UPDATE login_attempts SET next_try_at = next_try_at - make_interval(secs => :seconds)",
        """UPDATE sign_in_codes SET created_at = created_at - make_interval(secs => :seconds),
            expires_at = expires_at - make_interval(secs => :seconds)""",
    ):
        with transaction() as tx:
            tx.execute(text(statement), {"seconds": seconds})


def refused(act: Callable[[], object]) -> type[Problem] | None:
    """The refusal of an act; None where it is done."""
    try:
        act()
    except Problem as problem:
        return type(problem)
    return None


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Rate limits are on, as in production."""
    monkeypatch.setenv("RATE_LIMITS", "on")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def test_a_new_address_gets_a_verified_account_without_a_password():
    email = an_address()
    letter = request_code(email.upper(), language="en")
    assert letter is not None
    assert (letter.template, letter.to, letter.language) == ("sign_in", email, "en")
    assert len(code_in(letter)) == 8
    assert not is_there(email), "nobody has an account before the code is entered"

    assert role(enter(email, code_in(letter), language="en")) == "customer"
    assert column("is_email_verified AND password_hash IS NULL AND language = 'en'", email)
    assert column("full_name", email) == email.split("@")[0]


def test_the_terms_are_kept_as_of_the_moment_in_which_they_were_accepted():
    email = an_address()
    code = code_in(request_code(email))
    let_pass(300)
    enter(email, code)
    assert column("terms_version", email) == TERMS_VERSION
    assert column("now() - terms_accepted_at BETWEEN interval '299 seconds' AND interval '1 hour'", email)


def test_without_the_terms_no_account_is_opened_and_the_code_waits_for_them():
    email = an_address()
    code = code_in(request_code(email, accept_terms=False))
    with pytest.raises(TermsNotAccepted):
        enter(email, code)
    assert not is_there(email)
    assert enter(email, code, accept_terms=True, full_name="Siti Rahma")
    assert column("full_name", email) == "Siti Rahma"
    assert column("now() - terms_accepted_at < interval '1 minute'", email)


def test_an_account_that_is_there_is_signed_in_to_and_stays_as_it_is():
    member = a_member(role="organizer")
    terms = column("(terms_version, terms_accepted_at)::text", member.email)
    letter = request_code(member.email, accept_terms=False)
    assert letter is not None
    assert (letter.context["full_name"], letter.language) == ("Siti Rahma", "id")
    assert role(enter(member.email, code_in(letter), full_name="Orang Lain", accept_terms=True)) == "organizer"
    assert (column("full_name", member.email), column("(terms_version, terms_accepted_at)::text", member.email)) == (
        "Siti Rahma",
        terms,
    )
    assert login(member.email), "its password is what it was"


def test_a_password_is_set_later_by_a_reset():
    email = an_address()
    enter(email, code_in(request_code(email)))
    with pytest.raises(InvalidCredentials):
        login(email)
    password_reset.reset_password(PasswordReset(email=email, code=code_in(forget_password(email)), password=PASSWORD))
    assert login(email)


def test_what_a_stranger_registered_over_an_address_is_not_its_owners():
    """Else they would have the password of an account whose address somebody else has proved."""
    email = an_address()
    register(email, password=NEW_PASSWORD, full_name="Orang Lain", phone="+628123456789", role="organizer")
    assert enter(email, code_in(request_code(email)), full_name="Siti Rahma")
    assert column("phone IS NULL AND password_hash IS NULL AND full_name = 'Siti Rahma'", email)
    with pytest.raises(InvalidCredentials):
        login(email, NEW_PASSWORD)


def test_what_a_stranger_registers_while_a_code_is_on_its_way_is_not_either():
    email = an_address()
    code = code_in(request_code(email))
    register(email, password=NEW_PASSWORD)
    assert enter(email, code)
    with pytest.raises(InvalidCredentials):
        login(email, NEW_PASSWORD)


def test_who_registers_after_asking_for_a_code_has_the_password_they_chose():
    email = an_address()
    request_code(email)
    _, letter = register(email)
    registration.verify_email(accounts.EmailCode(email=email, code=code_in(letter)))
    assert login(email)


def test_who_was_invited_to_a_gate_and_never_joined_gets_an_account_of_their_own():
    with transaction() as tx:
        event = an_event(tx)
        staff = a_gate_staff(tx, event)
        email = tx.execute(
            text("UPDATE users SET is_email_verified = false WHERE id = :id RETURNING email"), {"id": staff.id}
        ).scalar_one()
    assert role(enter(email, code_in(request_code(email)))) == "customer"
    with transaction() as tx:
        assert not tx.execute(text("SELECT 1 FROM event_staff WHERE user_id = :id"), {"id": staff.id}).all()


def test_a_code_works_once_in_its_time_and_a_newer_one_replaces_it():
    member = a_member()
    first = code_in(request_code(member.email))
    let_pass(61)
    second = code_in(request_code(member.email))
    assert refused(lambda: enter(member.email, first)) is CodeInvalid
    assert enter(member.email, f" {second[:4]} {second[4:]}")
    assert refused(lambda: enter(member.email, second)) is CodeInvalid

    late = code_in(request_code(member.email))
    let_pass(601)
    assert refused(lambda: enter(member.email, late)) is CodeInvalid


def test_the_code_of_somebody_else_opens_nothing():
    member, other = a_member(), a_member()
    code = code_in(request_code(member.email))
    request_code(other.email)
    assert refused(lambda: enter(other.email, code)) is CodeInvalid
    assert refused(lambda: enter(an_address(), code)) is CodeInvalid


def test_the_code_is_kept_as_a_hash_and_the_address_too():
    member = a_member()
    code = code_in(request_code(member.email))
    with transaction() as tx:
        rows = tx.execute(text("SELECT s::text FROM sign_in_codes s")).scalars().all()
    assert not any(code in row or member.email in row for row in rows)


def test_five_wrong_codes_and_the_right_one_is_not_looked_at():
    member = a_member()
    code = code_in(request_code(member.email, HOME))
    for _ in range(5):
        assert refused(lambda: enter(member.email, another(code), HOME)) is CodeInvalid
    assert refused(lambda: enter(member.email, code, HOME)) is TooManyAttempts
    let_pass(120)
    assert refused(lambda: enter(member.email, code, HOME)) is CodeInvalid, "its tries are used up"


def test_strangers_guess_in_vain_and_do_not_keep_the_owner_from_their_code():
    member = a_member()
    code = code_in(request_code(member.email, HOME))
    for number in range(20):
        for _ in range(6):
            with suppress(CodeInvalid, TooManyAttempts):
                enter(member.email, another(code), ClientNetwork(f"10.1.{number}.0/24"))
    assert enter(member.email, code, HOME)


def test_of_two_who_enter_a_code_at_the_same_time_one_is_let_in():
    email = an_address()
    code = code_in(request_code(email))
    outcomes = at_the_same_time([lambda: refused(lambda: enter(email, code)) for _ in range(4)])
    assert sorted(str(outcome) for outcome in outcomes) == sorted([str(None), *[str(CodeInvalid)] * 3])


def test_an_account_that_is_deleted_meanwhile_is_not_signed_in():
    member = a_member()
    code = code_in(request_code(member.email))
    with transaction() as tx:
        people.lock_for_deletion(tx, member.id)
        tx.execute(text("UPDATE users SET is_deleted = true WHERE id = :id"), {"id": member.id})
        entering = behind(tx, lambda: enter(member.email, code))
    principal = tokens.principal_of(entering.result().access_token)
    assert principal is not None
    assert principal.id != member.id, "it is a new account"


def test_mails_come_one_a_minute_and_strangers_do_not_delay_those_of_the_owner():
    member = a_member()
    assert request_code(member.email, ELSEWHERE)
    assert request_code(member.email, ELSEWHERE) is None
    assert request_code(member.email, HOME) is None, "the code of a moment ago is good"
    for _ in range(3):
        let_pass(61)
        request_code(member.email, ELSEWHERE)
    let_pass(61)
    assert request_code(member.email, HOME)


def test_a_mailbox_is_not_flooded_from_many_networks_and_a_known_device_is_not_kept_waiting():
    member = a_member()
    known = ClientNetwork("192.0.2.0/24", client_networks.device_token(None, member.id))
    letters = 0
    for number in range(20):
        letters += request_code(member.email, ClientNetwork(f"10.2.{number}.0/24")) is not None
        let_pass(61)
    assert letters == code_mails.TO_ADDRESS.most
    assert request_code(member.email, HOME) is None
    assert request_code(member.email, known)


@pytest.mark.usefixtures("counting")
def test_a_network_mails_as_many_as_enter_their_codes_and_not_many_more(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(code_mails, "FROM_NETWORK", login_throttling.LeakyBucket("of a test", 3, 3600))
    crowd, flooder = ClientNetwork("100.64.1.0/24"), ClientNetwork("100.64.2.0/24")
    for _ in range(8):
        email = an_address()
        enter(email, code_in(request_code(email, crowd)), crowd)
    sent = [refused(lambda: request_code(an_address(), flooder)) for _ in range(5)]
    assert sent == [None, None, None, TooManyAttempts, TooManyAttempts]
    assert request_code(an_address(), crowd)


def test_a_deleted_account_leaves_no_code():
    member = a_member()
    code = code_in(request_code(member.email))
    with transaction() as tx:
        person = people.lock_for_deletion(tx, member.id)
        assert person
        erasure.erase(tx, person)
    assert refused(lambda: enter(member.email, code)) is CodeInvalid


def mails(email: str) -> list[tuple[str, str, str]]:
    """Template, language and code of the mails to an address."""
    with transaction() as tx:
        query = (
            "SELECT template, language, context ->> 'code' FROM emails WHERE to_address = :email ORDER BY created_at"
        )
        return [tuple(row) for row in tx.execute(text(query), {"email": email})]


def post(path: str, body: dict[str, Any], **headers: str):
    return call("POST", path, json=body, headers=headers)


def test_the_endpoint_answers_every_address_alike():
    member, stranger, waiting = a_member().email, an_address(), an_address()
    register(waiting)
    answers = [post("/auth/code", {"email": email, "accept_terms": True}) for email in (member, stranger, waiting)]
    assert {(answer.status_code, answer.get_data()) for answer in answers} == {(202, answers[0].get_data())}
    assert [[mail[:2] for mail in mails(email)] for email in (member, stranger, waiting)] == [[("sign_in", "id")]] * 3
    assert post("/auth/code", {"email": stranger}).status_code == 202, "asked again at once"
    assert len(mails(stranger)) == 1
    for email in (member, stranger, waiting):
        wrong = {"email": email, "code": another(mails(email)[0][2])}
        assert problem(post("/auth/code/verify", wrong)) == (422, "code-invalid")


def test_the_endpoint_signs_in_with_tokens_or_with_cookies():
    first, second = an_address(), an_address()
    for email in (first, second):
        post("/auth/code", {"email": email, "accept_terms": True, "language": "en"})
    answer = post("/auth/code/verify", {"email": first, "code": mails(first)[0][2]})
    assert (answer.status_code, answer.get_json()["token_type"]) == (200, "Bearer")
    cookie = {"X-Session": "cookie", "Sec-Fetch-Site": "same-origin"}
    answer = post("/auth/code/verify", {"email": second, "code": mails(second)[0][2]}, **cookie)
    assert (answer.status_code, set(answer.get_json())) == (200, {"expires_in", "csrf_token"})
    assert {each.partition("=")[0].removeprefix("__Host-") for each in answer.headers.getlist("Set-Cookie")} >= {
        "access",
        "refresh",
        "device",
    }


def test_the_endpoint_says_which_terms_are_missing():
    email = an_address()
    post("/auth/code", {"email": email})
    proof = {"email": email, "code": mails(email)[0][2]}
    assert problem(post("/auth/code/verify", proof)) == (422, "terms-not-accepted")
    assert post("/auth/code/verify", {**proof, "accept_terms": True}).status_code == 200
