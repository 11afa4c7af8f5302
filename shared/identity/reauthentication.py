"""Reauthentication of a signed-in person, by their password or a mailed code (UM-004).

A second factor would be one more field of Confirmation.
"""

from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, model_validator

from shared.cloud.database import Transaction, transaction
from shared.identity import accounts, codes, login_throttling, password_change, people, sessions
from shared.identity.accounts import AccountEmail
from shared.identity.codes import Code, CodeInvalid
from shared.identity.people import Person
from shared.identity.sessions import Tokens
from shared.identity.tokens import Principal
from shared.models import RequestModel
from shared.problems import AccountGone


class Confirmation(RequestModel):
    """One proof of the caller's identity: their password, or the code that was mailed to them."""

    password: Annotated[str | None, Field(max_length=1000, repr=False)] = None
    code: Annotated[Code | None, Field(repr=False)] = None

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


def check(caller: Principal, given: Confirmation) -> CheckedProof:
    """Verify a password, or count the try of a code. Opens its own transactions, not around bcrypt.

    Raises WrongPassword, TooManyAttempts, AccountGone.
    """
    if given.password is not None:
        return CheckedProof(password_change.verify_password(caller.id, given.password, caller.session_id), None)
    with transaction() as tx:
        person = people.get_or_refuse(tx, caller.id)
        known = password_change.session_key(caller.id, caller.session_id)
        login_throttling.count_attempt(tx, login_throttling.CODES, person.email, known=known)
    return CheckedProof(person, given.code or "")


def accept(tx: Transaction, caller: Principal, proof: CheckedProof) -> Person | None:
    """Lock the caller, whose proof holds. None for a wrong code, which costs a try: commit before refusing.

    Raises WrongPassword where the password has changed since it was verified.
    """
    if proof.code is None:
        return password_change.lock_confirmed(tx, proof.person, caller.session_id)
    person = people.lock(tx, caller.id)
    if person is None or not codes.redeem(tx, person.id, "confirm_identity", proof.code):
        return None
    login_throttling.reset(tx, person.email, known=password_change.session_key(caller.id, caller.session_id))
    return person


def confirm(caller: Principal, given: Confirmation) -> Tokens:
    """Issue tokens of the caller's session with a fresh `auth_time`. Opens its own transactions.

    Raises CodeInvalid, and what `check` and `accept` raise.
    """
    proof = check(caller, given)
    with transaction() as tx:
        person = accept(tx, caller, proof)
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
