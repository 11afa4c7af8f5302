"""Signing in with a password (UM-006, SEC-004).

Known and unknown addresses get the same response after, as near as possible, the same work. A refusal commits, as it
has spent an attempt, so this opens its own transactions; none is open during bcrypt, or the wait for it.
"""

from dataclasses import replace
from typing import Annotated, NoReturn

from pydantic import Field

from shared.cloud.database import transaction
from shared.field_types import Trimmed
from shared.identity import (
    accounts,
    client_networks,
    login_throttling,
    passwords,
    people,
    second_factor_sign_in,
    unverified_registrations,
)
from shared.identity.addresses import EmailAddress
from shared.identity.client_networks import UNKNOWN_CLIENT, ClientNetwork
from shared.identity.people import Person
from shared.identity.sessions import Tokens
from shared.models import RequestModel
from shared.problems import Forbidden, NotSignedIn


class Credentials(RequestModel):
    """The credentials of a sign-in."""

    email: EmailAddress
    password: passwords.GivenPassword
    refresh_token: Annotated[Annotated[str, Field(min_length=1, max_length=200), Trimmed] | None, Field(repr=False)] = (
        None
    )
    """An older refresh token of this account, so that strangers' failed sign-ins don't throttle this device."""


class InvalidCredentials(NotSignedIn):
    """E-mail or password is wrong. Check both, or ask for a new password."""

    slug = "invalid-credentials"


class EmailNotVerified(Forbidden):
    """This address is not verified yet. Enter the code we mailed to you; registering again sends a new one.

    If our mail says that you have an account already, sign in with its password.
    """

    slug = "email-not-verified"


def login(credentials: Credentials, client: ClientNetwork = UNKNOWN_CLIENT) -> Tokens:
    """Sign in. Raises InvalidCredentials, TooManyAttempts, or EmailNotVerified after an unverified registration.

    Raises SecondFactorChallenge where the account has a second factor. EmailNotVerified is raised for an unverified
    account, and for a registration of an address whose account is somebody else's. A wrong password costs one round of
    bcrypt in every case, the right one of an unverified registration two. Its attempts stay throttled, as nobody has
    proved that the address is theirs.
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
        begun = second_factor_sign_in.begin(tx, person, by="password")
    return second_factor_sign_in.tokens_or_raise(begun)


def _refuse(
    credentials: Credentials, client: ClientNetwork, found: Person | None, pending_hash: str | None, known: str | None
) -> NoReturn:
    """Raise InvalidCredentials or EmailNotVerified, after the same work with or without an account."""
    with transaction() as tx:
        accounts.record_failure(tx, credentials.email, found, client, by="password", known=known)
    is_account = found is not None and found.is_email_verified
    if is_account and pending_hash is None:
        raise InvalidCredentials
    waits = pending_hash if found is None or is_account else found.password_hash
    is_right = passwords.matches(credentials.password, waits)
    if is_right and not is_account:
        passwords.matches(credentials.password, None)  # where there is an account, its password was compared before
    raise EmailNotVerified if is_right else InvalidCredentials
