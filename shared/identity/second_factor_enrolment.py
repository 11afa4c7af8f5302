"""A person's own second factor: setting it up, new recovery codes, switching it off (MFA-1).

An enrolment that has begun is kept by nobody but its owner: its secret travels encrypted, until a first code of the app
confirms that it arrived there. So another phone is set up while the former one still counts.
"""

import json
from typing import Annotated
from uuid import UUID

import pyotp
from pydantic import Field

from shared.cloud import audit, clock, field_encryption
from shared.cloud.database import Transaction
from shared.cloud.field_encryption import DecryptionFailed
from shared.cloud.settings import settings
from shared.field_types import Trimmed, Utc
from shared.identity import people, principals, second_factors, sessions
from shared.identity.people import Person
from shared.identity.principals import SecondFactorRequired
from shared.identity.second_factor_notices import notice
from shared.identity.second_factors import Mail, SecondFactorCode, SecondFactorInvalid
from shared.identity.tokens import Principal
from shared.models import RequestModel, ResponseModel
from shared.problems import AccountGone, Forbidden, NotFound, Problem

LIFE_SECONDS = 1800
"""The time for which an enrolment may be confirmed."""


class SecondFactorResponse(ResponseModel):
    """A person's second factor. With `reset_due_at` somebody has asked to remove it then, for a lost phone."""

    is_enabled: bool
    enrolled_at: Utc | None = None
    recovery_codes_left: int = 0
    reset_due_at: Utc | None = None


class Enrolment(ResponseModel):
    """A second factor that is not set up yet: `uri` for the app as a QR code, or `secret` to be typed into it.

    Send `enrolment` back with the first code that the app shows, within half an hour.
    """

    secret: Annotated[str, Field(repr=False)]
    uri: Annotated[str, Field(repr=False)]
    enrolment: Annotated[str, Field(repr=False)]


class EnrolmentConfirmation(RequestModel):
    """An enrolment, and the first code that the app shows for it."""

    enrolment: Annotated[str, Field(min_length=1, max_length=1000, repr=False), Trimmed]
    code: Annotated[SecondFactorCode, Field(repr=False)]


class RecoveryCodes(ResponseModel):
    """Recovery codes. Each signs in once in the place of the app; they are not shown again."""

    recovery_codes: Annotated[list[str], Field(repr=False)]


class EnrolmentExpired(Problem):
    """This enrolment took too long. Begin again, with a new QR code."""

    status, slug = 422, "enrolment-expired"


class AlreadyEnrolled(Problem):
    """This app is set up already. If you have lost the recovery codes, make new ones."""

    status, slug = 409, "already-enrolled"


def read(tx: Transaction, user_id: UUID) -> SecondFactorResponse:
    """The second factor of a person."""
    factor = second_factors.find(tx, user_id)
    if factor is None:
        return SecondFactorResponse(is_enabled=False)
    return SecondFactorResponse(
        is_enabled=True,
        enrolled_at=factor.enrolled_at,
        recovery_codes_left=factor.recovery_codes_left,
        reset_due_at=factor.reset_due_at,
    )


def begin(tx: Transaction, caller: Principal) -> Enrolment:
    """Begin to set up a second factor, or another phone for it. Raises Forbidden, AccountGone."""
    person = people.get_or_refuse(tx, caller.id)
    _check_role(person)
    return _enrolment(person, pyotp.random_base32())


def resume(tx: Transaction, caller: Principal, enrolment: str) -> Enrolment:
    """The same enrolment again, to be shown once more. Raises EnrolmentExpired, AccountGone."""
    person = people.get_or_refuse(tx, caller.id)
    return Enrolment(**_shown(person, _secret_of(person, enrolment)), enrolment=enrolment)


def confirm(tx: Transaction, caller: Principal, given: EnrolmentConfirmation, mail: Mail) -> RecoveryCodes:
    """Set up the second factor whose app shows this code, end all other sessions, and make recovery codes.

    Raises EnrolmentExpired, SecondFactorInvalid, AlreadyEnrolled where it was sent twice, Forbidden, AccountGone.
    """
    person = _lock(tx, caller)
    _check_role(person)
    secret = _secret_of(person, given.enrolment)
    step = second_factors.step_of(secret, given.code)
    if step is None:
        raise SecondFactorInvalid
    if second_factors.secret_of(tx, person.id) == secret:
        raise AlreadyEnrolled
    second_factors.store(tx, person.id, secret, last_step=step)
    sessions.end_all(tx, person, but=caller.session_id)
    audit.record(tx, "second_factor.enabled", subject="user", subject_id=person.id, actor_id=person.id)
    mail(tx, notice(person, "enabled"))
    return RecoveryCodes(recovery_codes=second_factors.replace_recovery_codes(tx, person.id))


def renew_recovery_codes(tx: Transaction, caller: Principal, mail: Mail) -> RecoveryCodes:
    """New recovery codes in the place of all former ones. Raises NotFound without a second factor, AccountGone."""
    person = _lock(tx, caller)
    if second_factors.find(tx, person.id) is None:
        raise NotFound
    audit.record(tx, "second_factor.recovery_codes_renewed", subject="user", subject_id=person.id, actor_id=person.id)
    mail(tx, notice(person, "new_recovery_codes"))
    return RecoveryCodes(recovery_codes=second_factors.replace_recovery_codes(tx, person.id))


def switch_off(tx: Transaction, caller: Principal, mail: Mail) -> None:
    """Remove the second factor. Raises NotFound where there is none, AccountGone.

    Raises SecondFactorRequired for admins, who must have one: they set up another phone instead.
    """
    person = _lock(tx, caller)
    if not may_switch_off(person.role):
        raise SecondFactorRequired
    if not second_factors.remove(tx, person.id):
        raise NotFound
    audit.record(tx, "second_factor.disabled", subject="user", subject_id=person.id, actor_id=person.id)
    mail(tx, notice(person, "disabled"))


def _lock(tx: Transaction, caller: Principal) -> Person:
    person = people.lock(tx, caller.id)
    if person is None:
        raise AccountGone
    return person


def may_enrol(role: str) -> bool:
    """True for those who handle others' money or data: organizers and admins."""
    return role in ("organizer", "admin")


def may_switch_off(role: str) -> bool:
    """True for all but admins who must have a second factor."""
    return role != "admin" or not principals.is_second_factor_required()


def _check_role(person: Person) -> None:
    if not may_enrol(person.role):
        raise Forbidden("A second factor is for organizers and admins.")


def _enrolment(person: Person, secret: str) -> Enrolment:
    expires_at = int(clock.now().timestamp()) + LIFE_SECONDS
    encrypted = field_encryption.encrypt(json.dumps([secret, expires_at]), about=_about(person.id))
    return Enrolment(**_shown(person, secret), enrolment=encrypted)


def _shown(person: Person, secret: str) -> dict[str, str]:
    """The secret as people type it, and as apps scan it."""
    uri = pyotp.TOTP(secret).provisioning_uri(name=person.email, issuer_name=settings().sender_name)
    return {"secret": secret, "uri": uri}


def _secret_of(person: Person, enrolment: str) -> str:
    """The secret of an enrolment of this person. Raises EnrolmentExpired.

    One that names another version of the key is not looked at: callers choose no version to ask Secret Manager for.
    """
    if not enrolment.startswith(field_encryption.current_prefix()):
        raise EnrolmentExpired
    try:
        secret, expires_at = json.loads(field_encryption.decrypt(enrolment, about=_about(person.id)))
    except DecryptionFailed as error:
        raise EnrolmentExpired from error
    if expires_at <= clock.now().timestamp():
        raise EnrolmentExpired
    return str(secret)


def _about(user_id: UUID) -> str:
    return f"second_factor_enrolment:{user_id}"
