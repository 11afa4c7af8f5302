"""Registration of accounts, and verification of their addresses (UM-001, UM-002, DP-004).

No response reveals whether an address has an account: known and unknown addresses get the same response after, as near
as possible, the same work. `unverified_registrations` holds registrations of addresses that have an account already.
No transaction is open during bcrypt, or the wait for it.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from sqlalchemy import text

from shared.cloud import clock
from shared.cloud.database import Transaction, transaction
from shared.field_types import plain_line
from shared.identity import (
    accounts,
    code_mails,
    codes,
    gate_assignments,
    login_throttling,
    passwords,
    people,
    second_factor_sign_in,
    unverified_registrations,
)
from shared.identity.accounts import TERMS_VERSION, AccountEmail, EmailCode, Phone, UserResponse
from shared.identity.addresses import EmailAddress
from shared.identity.client_networks import UNKNOWN_CLIENT, ClientNetwork
from shared.identity.codes import CodeInvalid
from shared.identity.people import Person
from shared.identity.sessions import Tokens
from shared.identity.unverified_registrations import UnverifiedRegistration
from shared.models import RequestModel
from shared.problems import TryAgain

_MAX_ROUNDS = 5
"""Attempts to register under contention: two people with two passwords for one address need three."""


class Registration(RequestModel):
    """A new account of a customer or an organizer."""

    email: EmailAddress
    password: passwords.NewPassword
    full_name: Annotated[str, plain_line(255)]
    phone: Phone | None = None
    role: Literal["customer", "organizer"] = "customer"
    language: Literal["id", "en"] = "id"
    accept_terms: Literal[True]


# An existing row is locked and not changed: only a row that this statement has inserted has no xmax.
# Uses index: users_email
_INSERT_OR_LOCK = text(f"""
    INSERT INTO users (email, full_name, phone, role, language, terms_version, terms_accepted_at)
    VALUES (:email, :full_name, :phone, :role, :language, :terms_version, now())
    ON CONFLICT (email) WHERE NOT is_deleted DO UPDATE SET updated_at = users.updated_at
    RETURNING {people.COLUMNS}, xmax = 0 AS is_new
""")
_COMPLETE = text(f"""
    UPDATE users
    SET full_name = :full_name, phone = :phone, role = :role, organizer_id = NULL, language = :language,
        password_hash = :password_hash, terms_version = :terms_version, terms_accepted_at = now(),
        updated_at = now()
    WHERE id = :id
    RETURNING {people.COLUMNS}
""")
_VERIFIED = text("UPDATE users SET is_email_verified = true, updated_at = now() WHERE id = :id")


def register(
    registration: Registration, client: ClientNetwork, mail: Callable[[Transaction, AccountEmail | None], None]
) -> UserResponse:
    """Register an account and mail a code to its address, by `mail`, in the same transaction.

    Registering an unverified address again replaces its details and sends a new code if one is due (see
    login_throttling); so does registering as somebody who was invited to a gate and never joined. Where the address has
    a verified account the response is the same, and its owner is told by mail, once a day at most. No transaction is
    open during bcrypt: where a concurrent registration has changed the stored hash meanwhile, the attempt is repeated.
    """
    for _ in range(_MAX_ROUNDS):
        with transaction() as tx:
            code_mails.check_network(tx, client)
            before = _pending_registration(tx, registration.email)
        chosen = _PasswordChoice(before, _choose_hash(registration.password, before))
        with suppress(_RegistrationChanged), transaction() as tx:
            response, email = _register(tx, registration, client, chosen)
            mail(tx, email)
            code_mails.count(tx, client)
            return response
    raise TryAgain


def _register(
    tx: Transaction, registration: Registration, client: ClientNetwork, chosen: "_PasswordChoice"
) -> tuple[UserResponse, AccountEmail | None]:
    found = people.find(tx, registration.email)
    person, is_new = (found, False) if found and found.is_email_verified else _insert_or_lock(tx, registration)
    if person.is_email_verified:  # as much work as creating an account, and the same responses later on
        unverified_registrations.store(tx, person.email, registration.password, chosen.hash_for)
        return _response(registration, _decoy_id(registration.email)), _already_registered(person)
    person = _complete(tx, person, registration, chosen, is_new=is_new)
    is_due = login_throttling.try_attempt(tx, login_throttling.MAILS["verify_email"], person.email)
    return _response(registration, person.id), accounts.mail_code(
        tx, person, "verify_email", client
    ) if is_due else None


def verify_email(proof: EmailCode, client: ClientNetwork = UNKNOWN_CLIENT) -> Tokens:
    """Verify an address by the code mailed to it, and sign in.

    Raises CodeInvalid, TooManyAttempts, and SecondFactorChallenge.
    """
    with transaction() as tx:
        login_throttling.count_attempt(tx, login_throttling.CODES, proof.email, client)
    with transaction() as tx:
        person = people.lock_by_email(tx, proof.email)
        if person and codes.redeem(tx, person.id, "verify_email", proof.code, network=client.network):
            tx.execute(_VERIFIED, {"id": person.id})
            login_throttling.reset(tx, person.email, client)
            code_mails.restore(tx, client)
            begun = second_factor_sign_in.begin(tx, person, by="mailed code")
        else:
            begun = None
            accounts.record_failure(tx, proof.email, person, client, by="mailed code")
    if begun is None:
        raise CodeInvalid
    return second_factor_sign_in.tokens_or_raise(begun)


def _insert_or_lock(tx: Transaction, registration: Registration) -> tuple[Person, bool]:
    """Insert or lock the row of an address; return it, and whether it is new."""
    *columns, is_new = tx.execute(_INSERT_OR_LOCK, _details(registration)).one()
    return Person(*columns), is_new


def _complete(
    tx: Transaction, person: Person, registration: Registration, chosen: "_PasswordChoice", *, is_new: bool
) -> Person:
    if person.role == "staff":  # invited, but never joined: there is no password yet
        is_new = True
        gate_assignments.remove_all(tx, person.id)
    password_hash = chosen.hash_for(UnverifiedRegistration(None if is_new else person.password_hash, is_new))
    values = {**_details(registration), "password_hash": password_hash, "id": person.id}
    return Person(*tx.execute(_COMPLETE, values).one())


def _details(registration: Registration) -> dict[str, Any]:
    chosen = registration.model_dump(include={"email", "full_name", "phone", "role", "language"})
    return {**chosen, "terms_version": TERMS_VERSION}


class _RegistrationChanged(Exception):
    """The stored registration of an address has changed since a password was compared with it."""


@dataclass(frozen=True)
class _PasswordChoice:
    """The hash to store in place of the registration found `before`."""

    before: UnverifiedRegistration
    password_hash: str | None

    def hash_for(self, kept: UnverifiedRegistration) -> str | None:
        """The hash, if this registration is still stored. Raises _RegistrationChanged."""
        if kept != self.before:
            raise _RegistrationChanged
        return self.password_hash


def _pending_registration(tx: Transaction, email: str) -> UnverifiedRegistration:
    """The unverified registration of an address, with or without a verified account beside it."""
    found = people.find(tx, email)
    if found and found.is_email_verified:
        return unverified_registrations.find(tx, email)
    if found is None or found.role == "staff":
        return UnverifiedRegistration(None, is_new=True)
    return UnverifiedRegistration(found.password_hash, is_new=False)


def _choose_hash(password: str, before: UnverifiedRegistration) -> str | None:
    """The password hash of an unverified registration, after one round of bcrypt in every case.

    Two people may register the same address with two passwords, and its owner would verify the stranger's with the code
    of a later mail. So after two different passwords neither counts, however long ago: the code signs the owner in, and
    they choose a new password by mail.
    """
    if before.is_new:
        return passwords.hash_password(password)
    return before.password_hash if passwords.matches(password, before.password_hash) else None


def _already_registered(person: Person) -> AccountEmail:
    once_a_day = f"already_registered:{person.id}:{clock.now():%Y-%m-%d}"
    context = {"full_name": person.full_name}
    return AccountEmail("already_registered", once_a_day, person.email, person.language, context)


def _response(registration: Registration, user_id: UUID) -> UserResponse:
    return UserResponse(
        id=user_id,
        email=registration.email,
        full_name=registration.full_name,
        role=registration.role,
        is_email_verified=False,
    )


def _decoy_id(email: str) -> UUID:
    """The id in responses about an address that is taken: of no account, but stable, like a real one."""
    digest = bytes.fromhex(codes.keyed_hash(f"account:{email}"))
    return UUID(bytes=digest[:16], version=4)
