"""UM-001, UM-002, DP-004: registering, and proving that the address is one's own."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import bcrypt
import pytest
from sqlalchemy import create_engine, text

from shared.cloud.database import transaction
from shared.identity import erasure, login_throttling, passwords, people, registration, tokens
from shared.identity.accounts import TERMS_VERSION, EmailCode
from shared.identity.codes import CodeInvalid
from shared.identity.login_throttling import TooManyAttempts
from shared.identity.password_sign_in import EmailNotVerified, InvalidCredentials
from shared.problems import Problem, TryAgain
from tests.integration.identity.steps import (
    NEW_PASSWORD,
    PASSWORD,
    a_member,
    an_address,
    another,
    code_in,
    column,
    forget_password,
    let_pass,
    login,
    register,
)
from tests.threads import at_the_same_time
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("database")


def verify(email: str, code: str) -> tokens.Principal | None:
    """Verify an address; who is signed in by it."""
    answer = registration.verify_email(EmailCode(email=email, code=code))
    return tokens.principal_of(answer.access_token)


def test_a_new_account_is_verified_by_the_code_in_its_mail_and_signed_in():
    email = an_address()
    user, letter = register(email.upper(), role="organizer", language="en")
    assert (user.email, user.role, user.is_email_verified) == (email, "organizer", False)
    assert letter is not None
    assert (letter.template, letter.to, letter.language) == ("verify_email", email, "en")

    assert verify(email, code_in(letter)) == tokens.Principal(user.id, "organizer", user.id)
    assert column("is_email_verified", email)
    assert login(email).token_type == "Bearer"


def test_the_accepted_terms_are_kept_with_version_and_time():
    email = an_address()
    register(email)
    assert column("terms_version", email) == TERMS_VERSION
    assert column("terms_accepted_at > now() - interval '1 minute'", email)


def test_the_password_and_the_code_are_kept_as_hashes_only():
    email = an_address()
    user, letter = register(email)
    assert column("password_hash", email).startswith("$2b$")
    with transaction() as tx:
        kept = tx.execute(text("SELECT code_hash FROM one_time_codes WHERE user_id = :id"), {"id": user.id})
        assert code_in(letter) not in kept.scalar_one()


def test_a_code_works_once():
    email = an_address()
    _, letter = register(email)
    verify(email, code_in(letter))
    with pytest.raises(CodeInvalid):
        verify(email, code_in(letter))


def test_registering_again_before_verifying_sends_another_code_at_most_once_a_minute():
    email = an_address()
    first, letter = register(email)
    second, soon = register(email, full_name="Siti R.")
    assert (second.id, soon) == (first.id, None)

    let_pass(email, 61)
    third, newer = register(email, full_name="Siti R.")
    assert third.id == first.id
    with pytest.raises(CodeInvalid):
        verify(email, code_in(letter))
    assert verify(email, code_in(newer))
    assert column("full_name", email) == "Siti R."
    assert login(email)


@pytest.mark.parametrize("seconds_between", [61, 601, 7 * 86_400])
def test_of_two_passwords_for_an_address_neither_counts_however_long_it_was_between(seconds_between: int):
    """Else whoever registers a stranger's address would have their password verified by its owner."""
    email = an_address()
    register(email, password=NEW_PASSWORD)
    let_pass(email, seconds_between)
    _, letter = register(email, password=PASSWORD)
    assert verify(email, code_in(letter)), "the code signs the owner in"
    for password in (PASSWORD, NEW_PASSWORD):
        with pytest.raises(InvalidCredentials):
            login(email, password)
    assert forget_password(email), "who then chooses a new one"


def test_nor_does_a_third():
    email = an_address()
    for password in (NEW_PASSWORD, PASSWORD, PASSWORD):
        _, letter = register(email, password=password)
        let_pass(email, 7 * 86_400)
    let_pass(email, -7 * 86_400)
    verify(email, code_in(letter))
    with pytest.raises(InvalidCredentials):
        login(email)


def test_a_taken_address_is_answered_like_a_free_one_and_its_owner_is_told():
    member = a_member()
    answer, letter = register(member.email, full_name="Somebody", role="organizer")
    again, once_more = register(member.email, full_name="Somebody", role="organizer")

    assert answer.id == again.id != member.id
    assert answer.model_dump(exclude={"id"}) == {
        "email": member.email,
        "full_name": "Somebody",
        "role": "organizer",
        "is_email_verified": False,
    }
    assert letter is not None
    assert (letter.template, letter.to) == ("already_registered", member.email)
    assert letter == once_more, "the same mail, which goes out once a day at most"
    assert letter.context == {"full_name": "Siti Rahma"}, "no word of the stranger's reaches the owner"
    assert column("role", member.email) == "customer"
    assert login(member.email)


def test_registering_and_then_signing_in_tells_nobody_who_has_an_account(monkeypatch: pytest.MonkeyPatch):
    """Neither by what is said nor by the rounds of bcrypt that it costs."""
    rounds: list[str] = []
    for name in ("checkpw", "hashpw"):
        real = getattr(bcrypt, name)
        monkeypatch.setattr(bcrypt, name, lambda *given, real=real, name=name: rounds.append(name) or real(*given))

    def said(email: str) -> list[object]:
        heard: list[object] = []
        for act in (
            lambda: login(email, "Orang-Lain#1"),
            lambda: register(email, password=NEW_PASSWORD)[0].model_copy(update={"id": None, "email": ""}),
            lambda: login(email, NEW_PASSWORD),
            lambda: login(email, "Orang-Lain#1"),
            lambda: register(email, password=NEW_PASSWORD)[0].role,
            lambda: login(email, NEW_PASSWORD),
            lambda: register(email, password="Orang-Lain#1")[0].role,
            lambda: login(email, "Orang-Lain#1"),
            lambda: login(email, NEW_PASSWORD),
        ):
            rounds.clear()
            try:
                heard.append(act())
            except Problem as refusal:
                heard.append(type(refusal))
            heard.append(len(rounds))
        return heard

    taken, free = a_member(), an_address()
    heard = said(free)
    assert heard == said(taken.email)
    assert EmailNotVerified in heard
    assert heard[-2] is TooManyAttempts
    with transaction() as tx:
        login_throttling.reset(tx, taken.email)
    assert login(taken.email), "and its owner has lost nothing"


def test_what_is_registered_over_an_account_opens_nothing_and_goes_with_it():
    member = a_member()
    register(member.email, password=NEW_PASSWORD)
    with pytest.raises(EmailNotVerified):
        login(member.email, NEW_PASSWORD)
    with transaction() as tx:
        erasure.erase(tx, people.lock_by_email(tx, member.email))
    with pytest.raises(InvalidCredentials):
        login(member.email, NEW_PASSWORD)


def test_two_registrations_in_the_same_moment_make_one_account():
    email = an_address()
    outcomes = at_the_same_time([lambda: register(email)] * 4)
    assert len({user.id for user, _ in outcomes}) == 1
    letters = [letter for _, letter in outcomes if letter]
    assert len(letters) == 1
    assert verify(email, code_in(letters[0]))
    assert login(email)


@pytest.mark.parametrize("age_seconds", [0, 601])
def test_a_wrong_or_late_code_is_refused(age_seconds: int):
    email = an_address()
    _, letter = register(email)
    let_pass(email, age_seconds)
    code = code_in(letter) if age_seconds else another(code_in(letter))
    with pytest.raises(CodeInvalid):
        verify(email, code)


def test_an_unknown_address_is_refused_like_a_wrong_code():
    with pytest.raises(CodeInvalid):
        verify(an_address(), "123456")


@pytest.mark.slow("hashes as expensive as in production")
def test_who_waits_for_bcrypt_keeps_no_transaction_open(database: str):
    """Else a handful of registrations would hold every connection of an instance."""
    idle = text("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND pid <> pg_backend_pid()")
    samples = []
    engine = create_engine(database, isolation_level="AUTOCOMMIT")
    with ThreadPoolExecutor() as threads, engine.connect() as watcher:
        for _ in range(passwords.MAX_CONCURRENT_HASHES):
            threads.submit(passwords.hash_password, PASSWORD, cost=13)
        waiting = threads.submit(register, an_address())

        def has_ended() -> bool:
            samples.append(watcher.execute(idle).scalar_one())
            return waiting.done()

        until(has_ended, look_every=0.01)
        with suppress(TryAgain):  # where the machine is slow it waits in vain
            waiting.result()
    engine.dispose()
    assert sum(samples) < len(samples) / 2


def test_two_passwords_in_the_same_moment_count_neither():
    email = an_address()
    outcomes = at_the_same_time([partial(register, email, password=f"Rahasia#{number}") for number in range(4)])
    assert len({answer.id for answer, _ in outcomes}) == 1
    assert column("password_hash", email) is None
