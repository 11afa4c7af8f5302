"""The second step of signing in, for accounts with a second factor (MFA-1).

    password, mailed code, Google ──► begin ──► no second factor: the tokens of a session
                                          └──► a challenge ──► sign_in, with a code ──► the tokens

Every way in ends in `begin`, so that none gets around the factor. A challenge is a signed token for ten minutes, which
tells who has passed the first step and how. It names the password and the enrolment of that moment: once either
changes, it is void.
"""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

import jwt
from pydantic import Field

from shared.cloud import clock
from shared.cloud.database import Transaction, transaction
from shared.cloud.secrets import secret
from shared.field_types import Trimmed
from shared.identity import (
    accounts,
    client_networks,
    codes,
    login_throttling,
    people,
    second_factors,
    sessions,
    tokens,
)
from shared.identity.client_networks import ClientNetwork
from shared.identity.people import Person
from shared.identity.second_factors import Mail, SecondFactor, SecondFactorCode, SecondFactorInvalid
from shared.identity.sessions import RefreshToken, SignInMethod, Tokens
from shared.models import RequestModel
from shared.problems import NotSignedIn

AUDIENCE = "karcis-second-factor"
LIFE_SECONDS = 600


ChallengeToken = Annotated[str, Field(min_length=1, max_length=2000, repr=False), Trimmed]
"""The signed token that a sign-in was answered with."""


class SecondFactorChallenge(NotSignedIn):
    """This account has a second factor. Send `challenge` and the code of its app to POST /api/v1/auth/second-factor."""

    slug = "second-factor-challenge"

    @property
    def challenge(self) -> str:
        """The challenge to be sent with the code."""
        return str(self.members["challenge"])


class ChallengeExpired(NotSignedIn):
    """This sign-in took too long, or the account has changed meanwhile. Begin to sign in again."""

    slug = "challenge-expired"


class SecondFactorProof(RequestModel):
    """The challenge of a sign-in, and a code of the second factor: the app's, or a recovery code."""

    challenge: ChallengeToken
    code: Annotated[SecondFactorCode, Field(repr=False)]
    refresh_token: Annotated[RefreshToken | None, Field(repr=False)] = None
    """An older refresh token of this account, so that strangers' tries don't throttle this device."""


@dataclass(frozen=True)
class Challenge:
    """The signed token that tells whose sign-in has passed its first step, and by what."""

    token: str


@dataclass(frozen=True)
class Challenged:
    """A locked person who has passed the first step, and by what."""

    person: Person
    by: SignInMethod


def begin(tx: Transaction, person: Person, *, by: SignInMethod) -> Tokens | Challenge:
    """Begin the session of a locked person who has passed the first step, or challenge them for the second.

    The transaction has to commit either way: hand the result to `tokens_or_raise` after it.
    """
    factor = second_factors.find(tx, person.id)
    return sessions.start(tx, person, by=by) if factor is None else Challenge(_issue(person, factor, by))


def tokens_or_raise(begun: Tokens | Challenge) -> Tokens:
    """The tokens of a session that has begun. Raises SecondFactorChallenge."""
    if isinstance(begun, Challenge):
        raise SecondFactorChallenge(challenge=begun.token, expires_in=LIFE_SECONDS)
    return begun


def sign_in(given: SecondFactorProof, client: ClientNetwork, mail: Mail) -> Tokens:
    """Sign in with the second factor, after the first step.

    Raises ChallengeExpired, SecondFactorInvalid and TooManyAttempts. A refusal commits, as it has spent an attempt, so
    this opens its own transaction; the person is locked in it, so that concurrent guesses are counted one by one.
    """
    if given.refresh_token:
        client = replace(client, refresh_token=given.refresh_token)
    with transaction() as tx:
        challenged = lock_challenged(tx, given.challenge)
        tokens = _verify(tx, challenged, given.code, client, mail)
    if tokens is None:
        raise SecondFactorInvalid
    return tokens


def lock_challenged(tx: Transaction, challenge: str) -> Challenged:
    """Lock the person of a challenge. Raises ChallengeExpired."""
    try:
        claims = jwt.decode(
            challenge,
            secret(tokens.KEY),
            algorithms=["HS256"],
            issuer=tokens.ISSUER,
            audience=AUDIENCE,
            options={"require": ["exp", "sub", "by", "stamp"]},
        )
        user_id = UUID(claims["sub"])
    except (jwt.InvalidTokenError, ValueError) as error:
        raise ChallengeExpired from error
    person = people.lock(tx, user_id)
    factor = second_factors.find(tx, user_id) if person else None
    if person is None or factor is None or not hmac.compare_digest(claims["stamp"], _stamp(person, factor.enrolled_at)):
        raise ChallengeExpired
    return Challenged(person, claims["by"])


def _verify(tx: Transaction, challenged: Challenged, code: str, client: ClientNetwork, mail: Mail) -> Tokens | None:
    """The tokens of the session that a right code begins; None for a wrong one."""
    person = challenged.person
    known = client_networks.known_device(tx, client, person.id)
    second_factors.count_attempt(tx, person, code, client, known=known)
    accepted = second_factors.accept(tx, person, code, mail)
    if accepted is None:
        accounts.record_failure(tx, person.email, person, client, by="second factor", known=known)
        return None
    login_throttling.reset_second_factor(tx, person.email, client, known=known)
    return sessions.start(tx, person, by=challenged.by, second_factor=accepted)


def _issue(person: Person, factor: SecondFactor, by: SignInMethod) -> str:
    now = int(clock.now().timestamp())
    claims = {
        "iss": tokens.ISSUER,
        "aud": AUDIENCE,
        "sub": str(person.id),
        "by": by,
        "stamp": _stamp(person, factor.enrolled_at),
        "iat": now,
        "exp": now + LIFE_SECONDS,
    }
    return jwt.encode(claims, secret(tokens.KEY), algorithm="HS256")


def _stamp(person: Person, enrolled_at: datetime) -> str:
    """The state that a challenge is bound to, so that a new password or another phone voids it."""
    return codes.keyed_hash(f"challenge:{person.id}:{person.password_hash}:{clock.rfc3339(enrolled_at)}")
