"""Accounts: registering, proving an address, signing in, a forgotten password (UM-001..006, DP-004).

No answer tells whether an address has an account: the known and the unknown are answered with the same
words and, as near as can be, the same work. What is said later of what somebody has registered over an
account, `claims` remembers.

An operation that must keep something although it refuses (a spent try), or that compares a password
between reading and writing, opens its own short transactions. No transaction is open during a quarter of
a second of bcrypt, or the wait for it.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, NoReturn
from uuid import UUID, uuid4

from pydantic import Field, StringConstraints
from sqlalchemy import text

from shared.cloud import audit, clock
from shared.cloud.database import Transaction, transaction
from shared.identity import (
    client_networks,
    codes,
    gate_assignments,
    login_throttling,
    passwords,
    people,
    sessions,
    unverified_registrations,
)
from shared.identity.addresses import EmailAddress
from shared.identity.client_networks import NOWHERE, ClientNetwork
from shared.identity.codes import Code, CodeInvalid, Purpose, ResetCode
from shared.identity.people import Person
from shared.identity.sessions import Tokens
from shared.identity.unverified_registrations import UnverifiedRegistration
from shared.models import RequestModel, ResponseModel, Trimmed, plain_line
from shared.problems import Forbidden, NotSignedIn, TryAgain

log = logging.getLogger(__name__)

_MOST_ROUNDS = 5
"""Tries of registering: two people with two passwords for one address need three."""
TERMS_VERSION = "1"
"""The terms and privacy policy that people accept now. A new text gets a new version."""


Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 -]{5,18}$", max_length=20), Trimmed]


class Registration(RequestModel):
    """A new account. Gate staff and admins are made otherwise."""

    email: EmailAddress
    password: passwords.NewPassword
    full_name: Annotated[str, plain_line(255)]
    phone: Phone | None = None
    role: Literal["customer", "organizer"] = "customer"
    language: Literal["id", "en"] = "id"
    accept_terms: Literal[True]


class Proof(RequestModel):
    """The code that was mailed to an address."""

    email: EmailAddress
    code: Annotated[Code, Field(repr=False)]


class Credentials(RequestModel):
    """The credentials of a sign-in."""

    email: EmailAddress
    password: passwords.GivenPassword
    refresh_token: Annotated[Annotated[str, Field(min_length=1, max_length=200), Trimmed] | None, Field(repr=False)] = (
        None
    )
    """One of this account that the device has kept: strangers' wrong passwords then don't keep it waiting."""


class AddressOnly(RequestModel):
    """The address of an account whose password was forgotten."""

    email: EmailAddress


class PasswordReset(RequestModel):
    """The code that was mailed to an address, and the password to have from now on."""

    email: EmailAddress
    code: Annotated[ResetCode, Field(repr=False)]
    password: passwords.NewPassword


class UserResponse(ResponseModel):
    """An account as its owner sees it."""

    id: UUID
    email: str
    full_name: str
    role: str
    is_email_verified: bool


class OnItsWay(ResponseModel):
    """The response to a forgotten password, the same for every address."""

    detail: str = "If this address has an account, we have mailed a code to it."


class CodeSent(ResponseModel):
    """The response to a signed-in person who asks for a code."""

    detail: str = "We have mailed a code to your address, or did a moment ago."


@dataclass(frozen=True)
class AccountEmail:
    """A mail to enqueue in the same transaction. This package knows when to write, not how mails are sent."""

    template: Literal[
        "verify_email",
        "already_registered",
        "reset_password",
        "confirm_identity",
        "staff_invitation",
        "staff_address_taken",
    ]
    dedupe_key: str
    to: str
    language: str
    context: dict[str, Any]


class InvalidCredentials(NotSignedIn):
    """E-mail or password is wrong. Check both, or ask for a new password."""

    slug = "invalid-credentials"


class EmailNotVerified(Forbidden):
    """This address is not verified yet. Enter the code we mailed to you; registering again sends a new one.

    If our mail says that you have an account already, sign in with its password.
    """

    slug = "email-not-verified"


# A row that is there is locked and stays as it is: only what this statement has inserted has no xmax.
# Uses index: users_email
_CLAIM_ADDRESS = text(f"""
    INSERT INTO users (email, full_name, phone, role, language, terms_version, terms_accepted_at)
    VALUES (:email, :full_name, :phone, :role, :language, :terms_version, now())
    ON CONFLICT (email) WHERE NOT is_deleted DO UPDATE SET updated_at = users.updated_at
    RETURNING {people.COLUMNS}, xmax = 0 AS is_new
""")
_FILL_IN = text(f"""
    UPDATE users
    SET full_name = :full_name, phone = :phone, role = :role, organizer_id = NULL, language = :language,
        password_hash = :password_hash, terms_version = :terms_version, terms_accepted_at = now(),
        updated_at = now()
    WHERE id = :id
    RETURNING {people.COLUMNS}
""")
_VERIFIED = text("UPDATE users SET is_email_verified = true, updated_at = now() WHERE id = :id")
_NEW_PASSWORD = text("""
    UPDATE users
    SET password_hash = :password_hash, is_email_verified = true, oauth_provider = NULL, oauth_id = NULL,
        terms_version = COALESCE(terms_version, :terms_version),  -- of gate staff, who accept by this
        terms_accepted_at = COALESCE(terms_accepted_at, now()), updated_at = now()
    WHERE id = :id
""")


def register(
    registration: Registration, place: ClientNetwork, mail: Callable[[Transaction, AccountEmail | None], None]
) -> UserResponse:
    """Open an account and mail a code to its address: `mail` is given what to send, in the same transaction.

    Whoever registers an address that is not verified yet starts anew: the newest details count, and a
    new code comes if one is due (see attempts). So does who was invited to a gate and never joined. Where
    the address has a verified account the answer is the same, and its owner gets a mail that says so,
    once a day at most. No transaction is open during the round of bcrypt: whoever was faster meanwhile has
    changed what is kept, and we begin again.
    """
    for _ in range(_MOST_ROUNDS):
        with transaction() as tx:
            before = _kept_for(tx, registration.email)
        chosen = _Chosen(before, _password_to_keep(registration.password, before))
        with suppress(_KeptAnother), transaction() as tx:
            answer, letter = _register(tx, registration, place, chosen)
            mail(tx, letter)
            return answer
    raise TryAgain


def _register(
    tx: Transaction, registration: Registration, place: ClientNetwork, chosen: "_Chosen"
) -> tuple[UserResponse, AccountEmail | None]:
    found = people.find(tx, registration.email)
    person, is_new = (found, False) if found and found.is_email_verified else _claim(tx, registration)
    if person.is_email_verified:  # as much work as opening an account, and the same answers later on
        unverified_registrations.store(tx, person.email, registration.password, chosen.instead_of)
        return _answer(registration, _stand_in_id(registration.email)), _already_registered(person)
    person = _fill_in(tx, person, registration, chosen, is_new=is_new)
    is_due = login_throttling.take(tx, login_throttling.MAILS["verify_email"], person.email)
    return _answer(registration, person.id), mail_code(tx, person, "verify_email", place) if is_due else None


def verify_email(proof: Proof, place: ClientNetwork = NOWHERE) -> Tokens:
    """Prove that an address is one's own by the code sent to it, and sign in. Raises CodeInvalid, TooManyAttempts."""
    with transaction() as tx:
        login_throttling.count(tx, login_throttling.CODES, proof.email, place)
    with transaction() as tx:
        person = people.lock_by_email(tx, proof.email)
        if person and codes.redeem(tx, person.id, "verify_email", proof.code, network=place.network):
            tx.execute(_VERIFIED, {"id": person.id})
            login_throttling.forget(tx, person.email, place)
            return sessions.begin(tx, person, by="mailed code")
        _note_failure(tx, proof.email, person, place, by="mailed code")
    raise CodeInvalid


def login(credentials: Credentials, place: ClientNetwork = NOWHERE) -> Tokens:
    """Sign in. Raises InvalidCredentials, TooManyAttempts, or EmailNotVerified to who has registered and not verified.

    The last is said of an account that waits, and of what was registered over one that is somebody else's. A wrong
    password costs one round of bcrypt, whoever has an account or a claim; who registered and not verified, two. Their
    tries are spaced on, for nobody has proved that the address is theirs.
    """
    if credentials.refresh_token:
        place = replace(place, refresh_token=credentials.refresh_token)
    with transaction() as tx:
        found = people.find(tx, credentials.email)
        known = client_networks.known_as(tx, place, found.id) if found else None
        login_throttling.count(tx, login_throttling.PASSWORDS, credentials.email, place, known=known)
        claimed = unverified_registrations.password_hash(tx, credentials.email, credentials.password)
    if found is None or not found.is_email_verified or not passwords.matches(credentials.password, found.password_hash):
        _refuse(credentials, place, found, claimed, known)
    with transaction() as tx:
        person = people.lock(tx, found.id)
        if person is None or person.password_hash != found.password_hash:
            raise InvalidCredentials  # reset in this very moment, to keep out those who know the old one
        login_throttling.forget(tx, person.email, place, known=known)
        return sessions.begin(tx, person, by="password")


def _refuse(
    credentials: Credentials, place: ClientNetwork, found: Person | None, claimed: str | None, known: str | None
) -> NoReturn:
    """Raise InvalidCredentials, or EmailNotVerified after as much work whether there is an account or a claim."""
    with transaction() as tx:
        _note_failure(tx, credentials.email, found, place, by="password", known=known)
    is_account = found is not None and found.is_email_verified
    if is_account and claimed is None:
        raise InvalidCredentials
    waits = claimed if found is None or is_account else found.password_hash
    is_right = passwords.matches(credentials.password, waits)
    if is_right and not is_account:
        passwords.matches(credentials.password, None)  # where there is an account, its password was looked at before
    raise EmailNotVerified if is_right else InvalidCredentials


def _note_failure(
    tx: Transaction,
    email: str,
    found: Person | None,
    place: ClientNetwork,
    *,
    by: sessions.Proof,
    known: str | None = None,
) -> None:
    """Leave a trace of a wrong password or code, and count it against its budgets."""
    login_throttling.failed(tx, email, place, known=known)
    log.info("sign_in.failed", extra={"by": by, "is_known_device": known is not None})
    if found:
        audit.record_sampled(tx, "user.sign_in_failed", subject="user", subject_id=found.id, by=by)


def forgot_password(tx: Transaction, asked: AddressOnly, place: ClientNetwork = NOWHERE) -> AccountEmail | None:
    """The mail to ask for, with a code to choose a new password. None: no account, or asked a moment ago."""
    person = people.lock_by_email(tx, asked.email)
    is_due = login_throttling.take(
        tx, login_throttling.MAILS["reset_password"], asked.email
    )  # nobody's addresses are counted too
    return mail_code(tx, person, "reset_password", place) if person and is_due else None


def reset_password(reset: PasswordReset, place: ClientNetwork = NOWHERE) -> None:
    """Choose a new password with the code, and end every session of the account. Raises CodeInvalid, TooManyAttempts.

    The code came by mail, so that the address is verified too. A link to Google is dropped with the old
    password, in case it was a stranger's; where Google runs the mailbox, the next sign-in links it anew.
    """
    with transaction() as tx:
        login_throttling.count(tx, login_throttling.CODES, reset.email, place)
    password_hash = passwords.hashed(reset.password)
    with transaction() as tx:
        person = people.lock_by_email(tx, reset.email)
        if person and codes.redeem(tx, person.id, "reset_password", reset.code, network=place.network):
            names = {"id": person.id, "password_hash": password_hash, "terms_version": TERMS_VERSION}
            tx.execute(_NEW_PASSWORD, names)
            login_throttling.forget(tx, person.email, place)
            sessions.end_all(tx, person)
            audit.record(tx, "user.password_reset", subject="user", subject_id=person.id, actor_id=person.id)
            return
        _note_failure(tx, reset.email, person, place, by="mailed code")
    raise CodeInvalid


def _claim(tx: Transaction, registration: Registration) -> tuple[Person, bool]:
    """The row of the address, locked, and whether it is new."""
    *columns, is_new = tx.execute(_CLAIM_ADDRESS, _details(registration)).one()
    return Person(*columns), is_new


def _fill_in(tx: Transaction, person: Person, registration: Registration, chosen: "_Chosen", *, is_new: bool) -> Person:
    if person.role == "staff":  # invited, but never joined: nobody has given a password yet
        is_new = True
        gate_assignments.remove_all(tx, person.id)
    password_hash = chosen.instead_of(UnverifiedRegistration(None if is_new else person.password_hash, is_new))
    values = {**_details(registration), "password_hash": password_hash, "id": person.id}
    return Person(*tx.execute(_FILL_IN, values).one())


def _details(registration: Registration) -> dict[str, Any]:
    chosen = registration.model_dump(include={"email", "full_name", "phone", "role", "language"})
    return {**chosen, "terms_version": TERMS_VERSION}


class _KeptAnother(Exception):
    """The password of an address has changed since a password was compared with it."""


@dataclass(frozen=True)
class _Chosen:
    """The hash to keep instead of what was kept `before`."""

    before: UnverifiedRegistration
    password_hash: str | None

    def instead_of(self, kept: UnverifiedRegistration) -> str | None:
        """The hash, where this is still kept. Raises _KeptAnother."""
        if kept != self.before:
            raise _KeptAnother
        return self.password_hash


def _kept_for(tx: Transaction, email: str) -> UnverifiedRegistration:
    """The registration of an address that waits to be verified, also beside an account that the address has."""
    found = people.find(tx, email)
    if found and found.is_email_verified:
        return unverified_registrations.find(tx, email)
    if found is None or found.role == "staff":
        return UnverifiedRegistration(None, is_new=True)
    return UnverifiedRegistration(found.password_hash, is_new=False)


def _password_to_keep(password: str, before: UnverifiedRegistration) -> str | None:
    """The hash an unverified account or a claim is to have. It costs one round of bcrypt in every case.

    Two people may claim the same address with two passwords, one after the other, and its owner would
    verify the stranger's with the code of a later mail. So once there were two, neither counts, however
    long it is ago: the code signs the owner in, and they choose a new password by mail.
    """
    if before.is_new:
        return passwords.hashed(password)
    return before.password_hash if passwords.matches(password, before.password_hash) else None


def mail_code(tx: Transaction, person: Person, purpose: Purpose, place: ClientNetwork = NOWHERE) -> AccountEmail | None:
    """The mail with a new code for a person whose row is locked; None where the last one is less than a minute old."""
    code = codes.issue(tx, person.id, purpose, network=place.network)
    if code is None:
        return None
    context = {"code": code, "full_name": person.full_name}
    return AccountEmail(purpose, f"{purpose}:{person.id}:{uuid4()}", person.email, person.language, context)


def _already_registered(person: Person) -> AccountEmail:
    once_a_day = f"already_registered:{person.id}:{clock.now():%Y-%m-%d}"
    context = {"full_name": person.full_name}
    return AccountEmail("already_registered", once_a_day, person.email, person.language, context)


def _answer(registration: Registration, user_id: UUID) -> UserResponse:
    return UserResponse(
        id=user_id,
        email=registration.email,
        full_name=registration.full_name,
        role=registration.role,
        is_email_verified=False,
    )


def _stand_in_id(email: str) -> UUID:
    """The id we answer for an address that is taken: nobody's, but the same each time, as a real one would be."""
    digest = bytes.fromhex(codes.keyed_hash(f"account:{email}"))
    return UUID(bytes=digest[:16], version=4)
