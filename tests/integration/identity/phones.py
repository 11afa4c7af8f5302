"""Second factors as these tests need them: an authenticator app, and members who have set one up."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pyotp
from flask import Response
from sqlalchemy import text

from shared.cloud import clock
from shared.cloud.database import transaction
from shared.identity import second_factor_enrolment
from shared.identity.second_factor_enrolment import EnrolmentConfirmation
from shared.identity.second_factors import STEP_SECONDS
from shared.identity.tokens import Principal
from shared.messages import mails
from tests.endpoints import call
from tests.integration.identity.steps import PASSWORD, Member, a_member


@dataclass(frozen=True)
class Phone:
    """An authenticator app that holds one secret."""

    secret: str

    def code(self, steps: int = 0) -> str:
        """The code that it shows now, or so many steps later."""
        return pyotp.TOTP(self.secret).at(clock.now() + timedelta(seconds=STEP_SECONDS * steps))


@dataclass(frozen=True)
class Enrolled:
    """A member with a second factor: their phone, and their recovery codes."""

    member: Member
    role: str
    phone: Phone
    recovery_codes: list[str]

    @property
    def email(self) -> str:
        """Their address."""
        return self.member.email

    @property
    def principal(self) -> Principal:
        """Them, as a caller."""
        return Principal(self.member.id, self.role, self.member.id if self.role == "organizer" else None)


def enrolled(role: str = "organizer", **columns: Any) -> Enrolled:
    """A new member who has set up a second factor a while ago."""
    return enrol(a_member(role=role, **columns), role)


def enrol(member: Member, role: str = "organizer") -> Enrolled:
    """Set up a second factor, a while ago."""
    caller = Principal(member.id, role, member.id)
    with transaction() as tx:
        begun = second_factor_enrolment.begin(tx, caller)
        phone = Phone(begun.secret)
        given = EnrolmentConfirmation(enrolment=begun.enrolment, code=phone.code())
        made = second_factor_enrolment.confirm(tx, caller, given, mails.enqueue_for_account)
    let_codes_pass(member.id)
    return Enrolled(member, role, phone, made.recovery_codes)


def let_codes_pass(user_id: UUID) -> None:
    """Let it be long ago that a code was accepted."""
    with transaction() as tx:
        tx.execute(text("UPDATE second_factors SET last_step = last_step - 100 WHERE user_id = :id"), {"id": user_id})


def challenge(email: str, password: str = PASSWORD) -> str:
    """The challenge that the right password is answered with."""
    answer = call("POST", "/auth/login", json={"email": email, "password": password})
    assert answer.status_code == 401, answer.get_data(as_text=True)
    given: str = answer.get_json()["challenge"]
    return given


def answer(given: str, code: str, **headers: str) -> Response:
    """The response to a code for a challenge."""
    return call("POST", "/auth/second-factor", json={"challenge": given, "code": code}, headers=headers)


def occasions(email: str) -> list[str]:
    """The mails about a second factor, in order."""
    with transaction() as tx:
        found = tx.execute(
            text("""
                SELECT context ->> 'occasion' FROM emails WHERE to_address = :to AND template = 'second_factor'
                ORDER BY created_at
            """),
            {"to": email},
        )
        return list(found.scalars())
