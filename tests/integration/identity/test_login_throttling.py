"""SEC-004, UM-006: passwords can't be guessed at will, and nobody learns from it which addresses have accounts."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity import login_throttling, password_change, password_reset
from shared.identity.login_throttling import PASSWORDS, TooManyAttempts
from shared.identity.password_change import WrongPassword
from shared.identity.password_reset import PasswordReset
from shared.identity.password_sign_in import EmailNotVerified, InvalidCredentials
from tests.endpoints import call, problem
from tests.integration.identity.steps import (
    NEW_PASSWORD,
    PASSWORD,
    a_member,
    an_address,
    code_in,
    forget_password,
    login,
)
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")


def guess(email: str, times: int = 1) -> None:
    """Try wrong passwords, each of which is looked at."""
    for _ in range(times):
        with pytest.raises(InvalidCredentials):
            login(email, NEW_PASSWORD)


def seconds_to_wait(email: str, password: str = NEW_PASSWORD) -> int:
    """The wait in seconds that a refusal asks for."""
    with pytest.raises(TooManyAttempts) as refused:
        login(email, password)
    assert refused.value.retry_after_seconds is not None
    return refused.value.retry_after_seconds


def let_pass(email: str, seconds: int) -> None:
    """Make an address's tries that much older."""
    with transaction() as tx:
        tx.execute(
            text(
                "UPDATE login_attempts SET next_try_at = next_try_at - make_interval(secs => :s) WHERE address_key = :k"
            ),
            {"s": seconds, "k": login_throttling._key(PASSWORDS, email)},
        )


@pytest.mark.parametrize("address", [lambda: a_member().email, an_address], ids=["an account", "nobody's"])
def test_after_five_wrong_passwords_further_tries_are_refused_for_a_growing_time(address: Callable[[], str]):
    email = address()
    guess(email, 5)
    waits = []
    for _ in range(6):
        waits.append(seconds_to_wait(email))
        let_pass(email, waits[-1])
        guess(email)
    assert waits == pytest.approx([60, 120, 240, 480, 900, 900], abs=5)  # whole seconds of what is left


def test_the_right_password_is_refused_like_a_wrong_one_meanwhile():
    email = a_member().email
    guess(email, 5)
    assert 45 <= seconds_to_wait(email, PASSWORD) <= 60
    let_pass(email, 60)
    assert login(email)


def test_a_refused_try_does_not_prolong_the_wait():
    email = a_member().email
    guess(email, 5)
    for _ in range(10):
        assert seconds_to_wait(email) <= 60


def test_a_quarter_of_an_hour_of_rest_is_a_new_beginning():
    email = a_member().email
    guess(email, 4)
    let_pass(email, 901)
    guess(email, 5)
    let_pass(email, 60 + 901)
    guess(email, 5)
    assert seconds_to_wait(email) <= 60


def test_the_right_password_is_a_new_beginning():
    email = a_member().email
    for _ in range(3):
        guess(email, 4)
        login(email)


def test_an_account_that_is_not_verified_does_not_begin_anew():
    """The person who registered it may not own the address."""
    email = a_member(is_email_verified=False).email
    for _ in range(5):
        with pytest.raises(EmailNotVerified):
            login(email)
    assert 45 <= seconds_to_wait(email, PASSWORD) <= 60


def test_a_new_password_chosen_by_mail_is_a_new_beginning():
    email = a_member().email
    guess(email, 5)
    seconds_to_wait(email)
    password_reset.reset_password(PasswordReset(email=email, code=code_in(forget_password(email)), password=PASSWORD))
    assert login(email)


def test_one_address_does_not_use_up_anothers_tries():
    first, second = a_member().email, a_member().email
    guess(first, 5)
    assert login(second)


@pytest.mark.parametrize("address", [lambda: a_member().email, an_address], ids=["an account", "nobody's"])
def test_guesses_in_the_same_moment_are_no_more_than_five(address: Callable[[], str]):
    email = address()
    outcomes = at_the_same_time([lambda: _outcome(email)] * 20)
    assert sorted(outcomes) == ["refused"] * 15 + ["wrong"] * 5


def test_four_people_of_one_account_may_sign_in_at_the_same_moment():
    email = a_member().email
    assert len(at_the_same_time([lambda: login(email)] * 4)) == 4


def test_a_signed_in_thief_can_not_guess_the_password_either():
    member = a_member()
    for _ in range(5):
        with pytest.raises(WrongPassword):
            password_change.verify_password(member.id, NEW_PASSWORD)
    with pytest.raises(TooManyAttempts):
        password_change.verify_password(member.id, PASSWORD)


def test_addresses_are_not_kept_and_old_tries_are_forgotten():
    email = an_address()
    guess(email)
    let_pass(email, 2 * 86_400)
    guess(an_address())
    with transaction() as tx:
        kept = tx.execute(text("SELECT address_key FROM login_attempts")).scalars().all()
    assert login_throttling._key(PASSWORDS, email) not in kept
    assert not any("@" in key for key in kept)


def test_the_endpoint_says_when_to_come_back():
    email = an_address()
    guess(email, 5)
    answer = call("POST", "/auth/login", json={"email": email, "password": PASSWORD})
    assert problem(answer) == (429, "too-many-attempts")
    assert 45 <= int(answer.headers["Retry-After"]) <= 60


def _outcome(email: str) -> str:
    try:
        login(email, NEW_PASSWORD)
    except TooManyAttempts:
        return "refused"
    except InvalidCredentials:
        return "wrong"
    raise AssertionError("a wrong password signed in")
