"""Accounts as these tests need them, made through the product's own operations."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity import (
    login_throttling,
    password_reset,
    password_sign_in,
    passwords,
    registration,
    unverified_registrations,
)
from shared.identity.accounts import AccountEmail, UserResponse
from shared.identity.client_networks import UNKNOWN_CLIENT
from shared.identity.password_reset import PasswordResetRequest
from shared.identity.password_sign_in import Credentials
from shared.identity.registration import Registration
from shared.identity.sessions import Tokens
from tests.factories import a_user

PASSWORD = "Rahasia#1"
NEW_PASSWORD = "Rahasia#2"
PASSWORDS = (PASSWORD, NEW_PASSWORD, "Orang-Lain#1", "Milik-Orang-Lain#1")
"""The values with which these tests register and sign in."""


@dataclass(frozen=True)
class Member:
    """A verified account whose password is PASSWORD."""

    id: UUID
    email: str


def a_member(*, email_domain: str = "example.com", **columns: Any) -> Member:
    """Such an account, hashed at the lowest cost."""
    email = an_address(email_domain)
    with transaction() as tx:
        user = a_user(tx, email=email, password_hash=passwords.hash_password(PASSWORD, cost=4), **columns)
    return Member(user.id, email)


def an_address(domain: str = "example.com") -> str:
    """An address that nobody has yet, and at which the eight-bit fingerprints of these tests' passwords differ."""
    while True:
        email = f"{uuid4().hex[:12]}@{domain}"
        if len({unverified_registrations._fingerprint(email, password) for password in PASSWORDS}) == len(PASSWORDS):
            return email


def register(email: str, **fields: Any) -> tuple[UserResponse, AccountEmail | None]:
    """Register with everything that is needed."""
    details = {"password": PASSWORD, "full_name": "Siti Rahma", "accept_terms": True, **fields}
    letters: list[AccountEmail | None] = []
    response = registration.register(
        Registration(email=email, **details), UNKNOWN_CLIENT, lambda _, letter: letters.append(letter)
    )
    return response, letters[-1]


def login(email: str, password: str = PASSWORD) -> Tokens:
    """Sign in."""
    return password_sign_in.login(Credentials(email=email, password=password))


def forget_password(email: str) -> AccountEmail | None:
    """Ask for a code to choose a new password."""
    with transaction() as tx:
        return password_reset.forgot_password(tx, PasswordResetRequest(email=email))


def code_in(letter: AccountEmail | None) -> str:
    """The code that a mail brings."""
    assert letter is not None
    code: str = letter.context["code"]
    return code


def another(code: str) -> str:
    """A code that is not this one."""
    last = "1" if code[-1] == "0" else "0"
    return code[:-1] + last


def let_pass(email: str, seconds: int) -> None:
    """Make the codes of an account, and all that was tried at its address, that much older."""
    with transaction() as tx:
        tx.execute(
            text("""
                UPDATE login_attempts SET next_try_at = next_try_at - make_interval(secs => :seconds)
                WHERE address_key = ANY(:keys)
            """),
            {"seconds": seconds, "keys": [login_throttling._key(kind, email) for kind in login_throttling._ALL]},
        )
        tx.execute(
            text("""
                UPDATE one_time_codes SET created_at = created_at - make_interval(secs => :seconds),
                    expires_at = expires_at - make_interval(secs => :seconds)
                WHERE user_id = (SELECT id FROM users WHERE email = :email)
            """),
            {"email": email, "seconds": seconds},
        )


def age_sessions(email: str, seconds: int) -> None:
    """Make it that much longer ago that the tokens of an account were used."""
    with transaction() as tx:
        tx.execute(
            text("""
                UPDATE refresh_tokens SET spent_at = spent_at - make_interval(secs => :seconds)
                WHERE user_id = (SELECT id FROM users WHERE email = :email)
            """),
            {"email": email, "seconds": seconds},
        )


def column(name: str, email: str) -> Any:
    """A column of an account's row."""
    with transaction() as tx:
        return tx.execute(text(f"SELECT {name} FROM users WHERE email = :email"), {"email": email}).scalar_one()
