"""UM-004, UM-006: signing in, and a forgotten password; no answer tells whether an address is known."""

from contextlib import suppress

import bcrypt
import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity import password_reset
from shared.identity.codes import CodeInvalid
from shared.identity.password_reset import PasswordReset
from shared.identity.password_sign_in import EmailNotVerified, InvalidCredentials
from shared.identity.sessions import RefreshRequest, SessionEnded, refresh
from shared.identity.tokens import Principal, principal_of
from tests.factories import a_user
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

pytestmark = pytest.mark.usefixtures("database")


def reset(email: str, code: str, password: str = NEW_PASSWORD) -> None:
    """Choose a new password."""
    password_reset.reset_password(PasswordReset(email=email, code=code, password=password))


def test_the_right_password_signs_in_whatever_the_case_of_the_address():
    member = a_member()
    assert principal_of(login(member.email.upper()).access_token) == Principal(member.id, "customer", None)


def test_gate_staff_act_for_their_organizer():
    with transaction() as tx:
        organizer = a_user(tx, role="organizer")
    staff = a_member(role="staff", organizer_id=organizer.id)
    assert principal_of(login(staff.email).access_token) == Principal(staff.id, "staff", organizer.id)


def test_a_wrong_password_and_an_unknown_address_are_refused_alike():
    member = a_member()
    for email, password in ((member.email, NEW_PASSWORD), (an_address(), PASSWORD), (member.email, "x" * 100)):
        with pytest.raises(InvalidCredentials):
            login(email, password)


@pytest.mark.parametrize("change", ["password_hash = NULL", "is_deleted = true"])
def test_an_account_without_a_password_or_a_deleted_one_can_not_be_signed_in_to(change: str):
    member = a_member()
    with transaction() as tx:
        tx.execute(text(f"UPDATE users SET {change} WHERE id = :id"), {"id": member.id})
    with pytest.raises(InvalidCredentials):
        login(member.email)


def test_only_who_knows_the_password_learns_that_the_address_is_not_verified():
    member = a_member(is_email_verified=False)
    with pytest.raises(EmailNotVerified):
        login(member.email)
    with pytest.raises(InvalidCredentials):
        login(member.email, NEW_PASSWORD)


def test_a_new_password_is_chosen_with_the_code_and_ends_every_session():
    member = a_member()
    sessions = [login(member.email) for _ in range(2)]
    letter = forget_password(member.email)
    assert letter is not None
    assert (letter.template, letter.to) == ("reset_password", member.email)

    reset(member.email, code_in(letter))

    for session in sessions:
        with pytest.raises(SessionEnded):
            refresh(RefreshRequest(refresh_token=session.refresh_token))
    with pytest.raises(InvalidCredentials):
        login(member.email, PASSWORD)
    assert login(member.email, NEW_PASSWORD)


def test_choosing_a_new_password_by_mail_verifies_the_address():
    member = a_member(is_email_verified=False)
    reset(member.email, code_in(forget_password(member.email)))
    assert column("is_email_verified", member.email)


def test_an_unknown_address_gets_no_mail_and_a_known_one_at_most_one_a_minute():
    member = a_member()
    assert forget_password(an_address()) is None
    assert forget_password(member.email)
    assert forget_password(member.email) is None


def test_a_wrong_code_changes_nothing():
    member = a_member()
    code = code_in(forget_password(member.email))
    with pytest.raises(CodeInvalid):
        reset(member.email, another(code))
    with pytest.raises(CodeInvalid):
        reset(an_address(), code)
    assert login(member.email, PASSWORD)


@pytest.mark.parametrize("who", ["a member", "nobody", "a member whose address was claimed", "unverified"])
def test_a_wrong_password_costs_one_round_of_bcrypt(who: str, monkeypatch: pytest.MonkeyPatch):
    email = an_address() if who == "nobody" else a_member(is_email_verified=who != "unverified").email
    if who == "a member whose address was claimed":
        register(email, password="Milik-Orang-Lain#1")
    rounds: list[int] = []
    really = bcrypt.checkpw
    monkeypatch.setattr(bcrypt, "checkpw", lambda *given: rounds.append(1) or really(*given))
    with suppress(InvalidCredentials):
        login(email, NEW_PASSWORD)
    assert len(rounds) == 1


@pytest.mark.parametrize("who", ["a member whose address was claimed", "unverified"])
def test_who_registered_and_did_not_verify_is_told_so_after_the_same_work(who: str, monkeypatch: pytest.MonkeyPatch):
    email = a_member(is_email_verified=who != "unverified").email
    password = PASSWORD
    if who == "a member whose address was claimed":
        register(email, password=(password := "Milik-Orang-Lain#1"))
    rounds: list[int] = []
    really = bcrypt.checkpw
    monkeypatch.setattr(bcrypt, "checkpw", lambda *given: rounds.append(1) or really(*given))
    with pytest.raises(EmailNotVerified):
        login(email, password)
    assert len(rounds) == 2
