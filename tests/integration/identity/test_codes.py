"""UM-002, UM-006: a one-time code can't be guessed, however many guess at the same moment."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity import codes, login_throttling, password_reset, registration
from shared.identity.accounts import AccountEmail, EmailCode
from shared.identity.client_networks import ClientNetwork
from shared.identity.codes import CodeInvalid
from shared.identity.login_throttling import TooManyAttempts
from shared.identity.password_reset import PasswordReset
from shared.identity.sessions import Tokens
from tests.factories import a_user
from tests.integration.identity.steps import (
    PASSWORD,
    a_member,
    an_address,
    another,
    forget_password,
    let_pass,
    register,
)
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")


def an_unverified_account() -> tuple[str, str]:
    """An address and the code on its way to it."""
    email = an_address()
    with transaction() as tx:
        user = a_user(tx, email=email, is_email_verified=False)
        code = codes.issue(tx, user.id, "verify_email")
    assert code
    return email, code


def guess(email: str, code: str) -> Tokens | None:
    """Try a code."""
    try:
        return registration.verify_email(EmailCode(email=email, code=code))
    except (CodeInvalid, TooManyAttempts):
        return None


def reset(email: str, code: str) -> None:
    """Try a code at another endpoint."""
    with suppress(CodeInvalid):
        password_reset.reset_password(PasswordReset(email=email, code=code, password=PASSWORD))


def tries_left(email: str) -> int:
    """The number of guesses left."""
    with transaction() as tx:
        left: int = tx.execute(
            text("SELECT tries_left FROM one_time_codes c JOIN users u ON u.id = c.user_id WHERE u.email = :email"),
            {"email": email},
        ).scalar_one()
    return left


def test_of_twenty_wrong_guesses_at_the_same_moment_five_are_looked_at():
    email, code = an_unverified_account()
    wrong = another(code)
    outcomes = at_the_same_time([lambda: guess(email, wrong)] * 20)
    assert outcomes == [None] * 20
    assert tries_left(email) == 0
    assert guess(email, code) is None, "the right code comes too late"


def test_a_refused_guess_stays_counted():
    email, code = an_unverified_account()
    for left in (4, 3, 2, 1):
        assert guess(email, another(code)) is None
        assert tries_left(email) == left
    assert guess(email, code), "the fifth try may be right"


def test_a_right_code_given_twice_at_the_same_moment_works_once():
    email, code = an_unverified_account()
    outcomes = at_the_same_time([lambda: guess(email, code)] * 4)
    assert len([tokens for tokens in outcomes if tokens]) == 1


def test_a_code_is_good_for_its_own_purpose_and_person_only():
    with transaction() as tx:
        siti, budi = a_user(tx), a_user(tx)
        code = codes.issue(tx, siti.id, "verify_email")
        assert code
        codes.issue(tx, budi.id, "verify_email")
        codes.issue(tx, siti.id, "reset_password")
        assert codes._hashed(siti.id, "verify_email", code) not in {
            codes._hashed(siti.id, "reset_password", code),
            codes._hashed(budi.id, "verify_email", code),
        }
        assert codes.redeem(tx, siti.id, "verify_email", code)


def test_a_new_code_comes_with_five_new_tries_and_ends_the_old():
    with transaction() as tx:
        user = a_user(tx)
        first = codes.issue(tx, user.id, "verify_email")
        assert first
        assert not codes.redeem(tx, user.id, "verify_email", another(first))
        assert codes.issue(tx, user.id, "verify_email") is None
        tx.execute(
            text("UPDATE one_time_codes SET created_at = now() - interval '61 seconds' WHERE user_id = :id"),
            {"id": user.id},
        )
        second = codes.issue(tx, user.id, "verify_email")
        assert second
        for _ in range(4):
            assert not codes.redeem(tx, user.id, "verify_email", another(second))
        assert codes.redeem(tx, user.id, "verify_email", second)


@pytest.mark.parametrize("act", [guess, lambda email, code: reset(email, code)], ids=["verifying", "resetting"])
@pytest.mark.parametrize("is_known", [True, False], ids=["an account", "nobody's"])
def test_a_new_code_brings_no_new_tries(act: Callable[[str, str], object], is_known: bool):
    """Else a stranger would have five for each code they ask for, all day."""
    email = an_unverified_account()[0] if is_known else an_address()
    for _ in range(5):
        act(email, "000000")
    with pytest.raises(TooManyAttempts) as refused:
        registration.verify_email(EmailCode(email=email, code="000000"))
    assert refused.value.retry_after_seconds == pytest.approx(60, abs=5)
    forget_password(email)
    with pytest.raises(TooManyAttempts):
        password_reset.reset_password(PasswordReset(email=email, code="000000", password=PASSWORD))


def test_a_day_brings_a_hundred_guesses_at_most():
    email, seconds, tries = an_address(), 0, 0
    left = text("SELECT extract(epoch FROM next_try_at - clock_timestamp()) FROM login_attempts WHERE address_key = :k")
    with transaction() as tx:
        while seconds < 86_400:
            assert login_throttling.try_attempt(tx, login_throttling.CODES, email)
            tries += 1
            seconds += max(
                round(tx.execute(left, {"k": login_throttling._key(login_throttling.CODES, email)}).scalar_one()), 0
            )
            tx.execute(text("UPDATE login_attempts SET next_try_at = least(next_try_at, clock_timestamp())"))
    assert 90 < tries < 110


@pytest.mark.parametrize("ask", [forget_password, lambda email: register(email)[1]], ids=["forgotten", "registering"])
def test_codes_come_after_1_5_15_minutes_and_then_hourly(ask: Callable[[str], AccountEmail | None]):
    with transaction() as tx:
        email = an_address()
        a_user(tx, email=email, is_email_verified=False)
    assert ask(email)
    for minutes in (1, 5, 15, 60, 60):
        let_pass(email, minutes * 60 - 5)
        assert ask(email) is None
        let_pass(email, 6)
        assert ask(email)


def test_the_right_code_is_a_new_beginning_for_all_of_it():
    email, code = an_unverified_account()
    for _ in range(4):
        guess(email, another(code))
    assert guess(email, code)
    with transaction() as tx:
        keys = [login_throttling._key(kind, email) for kind in login_throttling._ALL]
        left = tx.execute(text("SELECT count(*) FROM login_attempts WHERE address_key = ANY(:k)"), {"k": keys})
        assert left.scalar_one() == 0


def test_junk_does_not_block_the_right_code_for_a_new_password():
    member = a_member()
    code = codes_in(forget_password(member.email))
    for number in range(20):
        with suppress(TooManyAttempts, CodeInvalid):
            junk = PasswordReset(email=member.email, code=f"{number:010}", password=PASSWORD)
            password_reset.reset_password(junk, ClientNetwork(f"198.51.{number}.0/24"))
    password_reset.reset_password(
        PasswordReset(email=member.email, code=code, password=PASSWORD), ClientNetwork("192.0.2.0/24")
    )


def test_a_code_for_a_new_password_can_be_typed_in_parts_and_small_letters():
    member = a_member()
    code = codes_in(forget_password(member.email))
    assert len(code) == 10
    typed = f"{code[:5]}-{code[5:]}".lower()
    password_reset.reset_password(PasswordReset(email=member.email, code=typed, password=PASSWORD))


def test_strangers_do_not_use_up_the_tries_of_the_network_that_asked_for_a_code():
    email = an_address()
    home = ClientNetwork("192.0.2.0/24")
    with transaction() as tx:
        user = a_user(tx, email=email, is_email_verified=False)
        code = codes.issue(tx, user.id, "verify_email", network=home.network)
    assert code
    for number in range(20):
        with suppress(TooManyAttempts, CodeInvalid):
            registration.verify_email(
                EmailCode(email=email, code=another(code)), ClientNetwork(f"198.51.{number}.0/24")
            )
    elsewhere = ClientNetwork("203.0.113.0/24")
    with suppress(CodeInvalid):
        assert not registration.verify_email(EmailCode(email=email, code=code), elsewhere), (
            "all others together have five tries"
        )
    assert registration.verify_email(EmailCode(email=email, code=code), home)


def codes_in(letter: AccountEmail | None) -> str:
    assert letter is not None
    code: str = letter.context["code"]
    return code
