"""Reauthentication of a signed-in person: by password or mailed code, and the second factor (UM-004, MFA-1)."""

import logging
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, model_validator

from shared.cloud.database import Transaction, transaction
from shared.identity import accounts, codes, login_throttling, password_change, people, second_factors, sessions
from shared.identity.accounts import AccountEmail
from shared.identity.client_networks import UNKNOWN_CLIENT
from shared.identity.codes import Code, CodeInvalid
from shared.identity.people import Person
from shared.identity.second_factors import Mail, SecondFactorCode, SecondFactorInvalid
from shared.identity.sessions import Tokens
from shared.identity.tokens import Principal
from shared.models import RequestModel
from shared.problems import AccountGone, Invalid

log = logging.getLogger(__name__)


class Confirmation(RequestModel):
    """A proof of the caller's identity: their password, or the code that was mailed to them.

    Who has a second factor gives it too, as the code that its app shows or as a recovery code.
    """

    password: Annotated[str | None, Field(max_length=1000, repr=False)] = None
    code: Annotated[Code | None, Field(repr=False)] = None
    second_factor: Annotated[SecondFactorCode | None, Field(repr=False)] = None

    @model_validator(mode="after")
    def _one_proof(self) -> Self:
        if (self.password is None) == (self.code is None):
            raise ValueError("give either password or code")
        return self


@dataclass(frozen=True)
class CheckedProof:
    """A proof that was checked as far as it can be without the lock of the person: a code still has to be redeemed."""

    person: Person
    code: str | None
    second_factor: str | None


@dataclass(frozen=True)
class Ways:
    """The proofs of identity that a person has, besides a mailed code."""

    has_password: bool
    has_second_factor: bool


def ways(tx: Transaction, caller: Principal) -> Ways:
    """The ways in which the caller can authenticate again. Raises AccountGone."""
    person = people.get_or_refuse(tx, caller.id)
    return Ways(person.password_hash is not None, second_factors.find(tx, caller.id) is not None)


def check(caller: Principal, given: Confirmation) -> CheckedProof:
    """Verify a password, and count the tries of codes. Opens its own transactions, not around bcrypt.

    Raises WrongPassword, TooManyAttempts, AccountGone, and Invalid where the second factor is missing.
    """
    known = password_change.session_key(caller.id, caller.session_id)
    with transaction() as tx:
        person = people.get_or_refuse(tx, caller.id)
        second_factor = _count_second_factor(tx, person, given, known)
        if given.password is None:
            login_throttling.count_attempt(tx, login_throttling.CODES, person.email, known=known)
    if given.password is None:
        return CheckedProof(person, given.code or "", second_factor)
    person = password_change.verify_password(caller.id, given.password, caller.session_id)
    return CheckedProof(person, None, second_factor)


def accept(tx: Transaction, caller: Principal, proof: CheckedProof, mail: Mail) -> Person | None:
    """Lock the caller, whose proof holds. None for a wrong code, which costs a try: commit before refusing.

    Raises WrongPassword where the password has changed since it was verified, and SecondFactorInvalid, after which a
    mailed code is still valid.
    """
    known = password_change.session_key(caller.id, caller.session_id)
    if proof.code is None:
        person: Person | None = password_change.lock_confirmed(tx, proof.person, caller.session_id)
    else:
        person = _redeem(tx, caller, proof.code, known)
    if person:
        _accept_second_factor(tx, person, proof.second_factor, known, mail)
    return person


def confirm(caller: Principal, given: Confirmation, mail: Mail) -> Tokens:
    """Issue tokens of the caller's session with a fresh `auth_time`. Opens its own transactions.

    Raises CodeInvalid, and what `check` and `accept` raise.
    """
    proof = check(caller, given)
    with transaction() as tx:
        person = accept(tx, caller, proof, mail)
        if person:
            return sessions.reauthenticate(tx, person, caller.session_id)
    raise CodeInvalid


def send_code(tx: Transaction, caller: Principal) -> AccountEmail | None:
    """The mail with a confirmation code, to the caller's own address; None where one was sent just now."""
    person = people.lock(tx, caller.id)
    if person is None:
        raise AccountGone
    is_due = login_throttling.try_attempt(tx, login_throttling.MAILS["confirm_identity"], person.email)
    return accounts.mail_code(tx, person, "confirm_identity") if is_due else None


def _count_second_factor(tx: Transaction, person: Person, given: Confirmation, known: str) -> str | None:
    """The given code, whose try is counted; None where the person has no second factor. Raises Invalid for none."""
    if second_factors.find(tx, person.id) is None:
        return None
    if given.second_factor is None:
        raise Invalid.field("second_factor", "is missing")
    second_factors.count_attempt(tx, person, given.second_factor, known=known)
    return given.second_factor


def _redeem(tx: Transaction, caller: Principal, code: str, known: str) -> Person | None:
    person = people.lock(tx, caller.id)
    if person is None or not codes.redeem(tx, person.id, "confirm_identity", code):
        return None
    login_throttling.reset(tx, person.email, known=known)
    return person


def _accept_second_factor(tx: Transaction, person: Person, code: str | None, known: str, mail: Mail) -> None:
    """Accept the code of a locked person who has a second factor, also if it was set up a moment ago."""
    if second_factors.find(tx, person.id) is None:
        return
    if code is None or second_factors.accept(tx, person, code, mail) is None:
        log.info("sign_in.failed", extra={"by": "second factor", "is_known_device": True})
        raise SecondFactorInvalid
    login_throttling.reset_second_factor(tx, person.email, UNKNOWN_CLIENT, known=known)
