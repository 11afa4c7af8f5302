"""Accounts: registration, e-mail verification, sign-in, password reset (UM-001..006, DP-004).

No response reveals whether an address has an account: known and unknown addresses get the same response after, as near
as possible, the same work. `unverified_registrations` holds registrations of addresses that have an account already.

Operations that must commit although they refuse (a spent attempt), or that compare a password between reading and
writing, open their own short transactions. No transaction is open during bcrypt, or the wait for it.
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
from shared.field_types import Trimmed, plain_line
from shared.identity import (
    client_networks,
    code_mails,
    codes,
    gate_assignments,
    login_throttling,
    passwords,
    people,
    sessions,
    unverified_registrations,
)
from shared.identity.addresses import EmailAddress
from shared.identity.client_networks import UNKNOWN_CLIENT, ClientNetwork
from shared.identity.codes import Code, CodeInvalid, Purpose, ResetCode
from shared.identity.people import Person
from shared.identity.sessions import Tokens
from shared.identity.unverified_registrations import UnverifiedRegistration
from shared.models import RequestModel, ResponseModel
from shared.problems import Forbidden, NotSignedIn, Problem, TryAgain

log = logging.getLogger(__name__)

_MAX_ROUNDS = 5
"""Attempts to register under contention: two people with two passwords for one address need three."""
TERMS_VERSION = "1"
"""The version of the terms and privacy policy that people accept now."""


Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 -]{5,18}$", max_length=20), Trimmed]


class Registration(RequestModel):
    """A new account of a customer or an organizer."""

    email: EmailAddress
    password: passwords.NewPassword
    full_name: Annotated[str, plain_line(255)]
    phone: Phone | None = None
    role: Literal["customer", "organizer"] = "customer"
    language: Literal["id", "en"] = "id"
    accept_terms: Literal[True]


class Proof(RequestModel):
    """An address and the code that was mailed to it."""

    email: EmailAddress
    code: Annotated[Code, Field(repr=False)]


class Credentials(RequestModel):
    """The credentials of a sign-in."""

    email: EmailAddress
    password: passwords.GivenPassword
    refresh_token: Annotated[Annotated[str, Field(min_length=1, max_length=200), Trimmed] | None, Field(repr=False)] = (
        None
    )
    """An older refresh token of this account, so that strangers' failed sign-ins don't throttle this device."""


class AddressOnly(RequestModel):
    """The address of an account whose password was forgotten."""

    email: EmailAddress


class PasswordReset(RequestModel):
    """An address, the code that was mailed to it, and the new password."""

    email: EmailAddress
    code: Annotated[ResetCode, Field(repr=False)]
    password: passwords.NewPassword


class UserResponse(ResponseModel):
    """An account, for its owner."""

    id: UUID
    email: str
    full_name: str
    role: str
    is_email_verified: bool


class OnItsWay(ResponseModel):
    """The response to a request for a password reset, the same for every address."""

    detail: str = "If this address has an account, we have mailed a code to it."


class CodeSent(ResponseModel):
    """The response to a signed-in person who requests a code."""

    detail: str = "We have mailed a code to your address, or did a moment ago."


@dataclass(frozen=True)
class AccountEmail:
    """A mail for the caller to enqueue in the same transaction, as this package sends none itself."""

    template: Literal[
        "verify_email",
        "already_registered",
        "reset_password",
        "confirm_identity",
        "sign_in",
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


class TermsNotAccepted(Problem):
    """You have no account yet. Accept the terms and the privacy policy (accept_terms: true) to open one."""

    status, slug = 422, "terms-not-accepted"


class EmailNotVerified(Forbidden):
    """This address is not verified yet. Enter the code we mailed to you; registering again sends a new one.

    If our mail says that you have an account already, sign in with its password.
    """

    slug = "email-not-verified"


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
_NEW_PASSWORD = text("""
    UPDATE users
    SET password_hash = :password_hash, is_email_verified = true, oauth_provider = NULL, oauth_id = NULL,
        terms_version = COALESCE(terms_version, :terms_version),  -- of gate staff, who accept by this
        terms_accepted_at = COALESCE(terms_accepted_at, now()), updated_at = now()
    WHERE id = :id
""")


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
            answer, email = _register(tx, registration, client, chosen)
            mail(tx, email)
            code_mails.count(tx, client)
            return answer
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
    return _response(registration, person.id), mail_code(tx, person, "verify_email", client) if is_due else None


def verify_email(proof: Proof, client: ClientNetwork = UNKNOWN_CLIENT) -> Tokens:
    """Verify an address by the code mailed to it, and sign in. Raises CodeInvalid, TooManyAttempts."""
    with transaction() as tx:
        login_throttling.count_attempt(tx, login_throttling.CODES, proof.email, client)
    with transaction() as tx:
        person = people.lock_by_email(tx, proof.email)
        if person and codes.redeem(tx, person.id, "verify_email", proof.code, network=client.network):
            tx.execute(_VERIFIED, {"id": person.id})
            login_throttling.reset(tx, person.email, client)
            code_mails.restore(tx, client)
            return sessions.start(tx, person, by="mailed code")
        record_failure(tx, proof.email, person, client, by="mailed code")
    raise CodeInvalid


def login(credentials: Credentials, client: ClientNetwork = UNKNOWN_CLIENT) -> Tokens:
    """Sign in. Raises InvalidCredentials, TooManyAttempts, or EmailNotVerified after an unverified registration.

    EmailNotVerified is raised for an unverified account, and for a registration of an address whose account is somebody
    else's. A wrong password costs one round of bcrypt in every case, the right one of an unverified registration two.
    Its attempts stay throttled, as nobody has proved that the address is theirs.
    """
    if credentials.refresh_token:
        client = replace(client, refresh_token=credentials.refresh_token)
    with transaction() as tx:
        found = people.find(tx, credentials.email)
        known = client_networks.known_device(tx, client, found.id) if found else None
        login_throttling.count_attempt(tx, login_throttling.PASSWORDS, credentials.email, client, known=known)
        pending_hash = unverified_registrations.password_hash(tx, credentials.email, credentials.password)
    if found is None or not found.is_email_verified or not passwords.matches(credentials.password, found.password_hash):
        _refuse(credentials, client, found, pending_hash, known)
    with transaction() as tx:
        person = people.lock(tx, found.id)
        if person is None or person.password_hash != found.password_hash:
            raise InvalidCredentials  # reset in this very moment, to keep out those who know the old one
        login_throttling.reset(tx, person.email, client, known=known)
        return sessions.start(tx, person, by="password")


def _refuse(
    credentials: Credentials, client: ClientNetwork, found: Person | None, pending_hash: str | None, known: str | None
) -> NoReturn:
    """Raise InvalidCredentials or EmailNotVerified, after the same work with or without an account."""
    with transaction() as tx:
        record_failure(tx, credentials.email, found, client, by="password", known=known)
    is_account = found is not None and found.is_email_verified
    if is_account and pending_hash is None:
        raise InvalidCredentials
    waits = pending_hash if found is None or is_account else found.password_hash
    is_right = passwords.matches(credentials.password, waits)
    if is_right and not is_account:
        passwords.matches(credentials.password, None)  # where there is an account, its password was compared before
    raise EmailNotVerified if is_right else InvalidCredentials


def record_failure(
    tx: Transaction,
    email: str,
    found: Person | None,
    client: ClientNetwork,
    *,
    by: sessions.SignInMethod,
    known: str | None = None,
) -> None:
    """Log and audit a wrong password or code, and count it against its budgets."""
    login_throttling.record_failure(tx, email, client, known=known)
    log.info("sign_in.failed", extra={"by": by, "is_known_device": known is not None})
    if found:
        audit.record_sampled(tx, "user.sign_in_failed", subject="user", subject_id=found.id, by=by)


def forgot_password(tx: Transaction, asked: AddressOnly, client: ClientNetwork = UNKNOWN_CLIENT) -> AccountEmail | None:
    """The mail with a code to choose a new password; None where there is no account, or a code was sent just now.

    Raises TooManyAttempts.
    """
    code_mails.check_network(tx, client)
    person = people.lock_by_email(tx, asked.email)
    if not login_throttling.try_attempt(tx, login_throttling.MAILS["reset_password"], asked.email):
        return None
    code_mails.count(tx, client)  # addresses without account are counted too
    return mail_code(tx, person, "reset_password", client) if person else None


def reset_password(reset: PasswordReset, client: ClientNetwork = UNKNOWN_CLIENT) -> None:
    """Choose a new password with the code, and end every session of the account. Raises CodeInvalid, TooManyAttempts.

    The code came by mail, so the address is verified too. A link to Google is removed with the old password, in case it
    was a stranger's; where Google hosts the mailbox, the next sign-in links it again.
    """
    with transaction() as tx:
        login_throttling.count_attempt(tx, login_throttling.CODES, reset.email, client, checks_network=False)
    password_hash = passwords.hash_password(reset.password)
    with transaction() as tx:
        person = people.lock_by_email(tx, reset.email)
        if person and codes.redeem(tx, person.id, "reset_password", reset.code, network=client.network):
            names = {"id": person.id, "password_hash": password_hash, "terms_version": TERMS_VERSION}
            tx.execute(_NEW_PASSWORD, names)
            login_throttling.reset(tx, person.email, client)
            code_mails.restore(tx, client)
            sessions.end_all(tx, person)
            audit.record(tx, "user.password_reset", subject="user", subject_id=person.id, actor_id=person.id)
            return
        record_failure(tx, reset.email, person, client, by="mailed code")
    raise CodeInvalid


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


def mail_code(
    tx: Transaction, person: Person, purpose: Purpose, client: ClientNetwork = UNKNOWN_CLIENT
) -> AccountEmail | None:
    """The mail with a new code for a locked person; None where the last one is less than a minute old."""
    code = codes.issue(tx, person.id, purpose, network=client.network)
    if code is None:
        return None
    context = {"code": code, "full_name": person.full_name}
    return AccountEmail(purpose, f"{purpose}:{person.id}:{uuid4()}", person.email, person.language, context)


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
