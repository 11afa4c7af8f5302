"""Sessions: families of opaque refresh tokens, each used once (UM-004, SEC-004).

    sign in ──► token ──refresh──► token ──refresh──► token ...      all of one family
                  └ used again: there is a copy, and the whole family ends

A token is exchanged for one successor only, however many requests are concurrent: the successor is an HMAC of the
token, so that within GRACE_SECONDS the same one is returned again, although only the SHA-256 of each is stored. That
needs no salt and no slow hash, as 256 bits can't be guessed.

`proven_at` is when the person last proved who they are; refreshing keeps it.
All changes happen under the lock of the person's row (people.lock); without it a token could be added
to a family in the moment in which that family ends, and outlive it.
"""

import base64
import hashlib
import hmac
import logging
import secrets
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID, uuid4

from pydantic import Field, StringConstraints
from sqlalchemy import text

from shared.cloud import audit, clock
from shared.cloud.database import Transaction, transaction
from shared.cloud.secrets import secret
from shared.cloud.settings import settings
from shared.field_types import Trimmed
from shared.identity import people, tokens
from shared.identity.people import Person
from shared.identity.tokens import access_token
from shared.models import RequestModel, ResponseModel
from shared.problems import NotSignedIn

SignInMethod = Literal["password", "mailed code", "google", "new password", "second factor"]
LIFETIME_DAYS = 7
GRACE_SECONDS = 10
"""Tabs of one browser may refresh concurrently, and a response may get lost; a later reuse is taken for theft."""

log = logging.getLogger(__name__)


RefreshToken = Annotated[str, StringConstraints(min_length=1, max_length=200), Trimmed]


class RefreshRequest(RequestModel):
    """The token to exchange or to revoke."""

    refresh_token: Annotated[RefreshToken, Field(repr=False)]


class Tokens(ResponseModel):
    """The tokens of a session. `expires_in` is the access token's life in seconds."""

    access_token: Annotated[str, Field(repr=False)]
    refresh_token: Annotated[str, Field(repr=False)]
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: int
    session_id: Annotated[UUID, Field(exclude=True)]
    """The token family; not part of the response."""


class SessionEnded(NotSignedIn):
    """This session is over. Sign in again."""

    slug = "session-ended"


_ADD = text("""
    INSERT INTO refresh_tokens (token_hash, family_id, user_id, expires_at, proven_at)
    VALUES (:token_hash, :family_id, :user_id, now() + make_interval(days => :life_days), :proven_at)
    ON CONFLICT (token_hash) DO NOTHING
""")
_OWNER = text("SELECT user_id FROM refresh_tokens WHERE token_hash = :token_hash")
_STATE = text("""
    SELECT family_id, proven_at, ended_at IS NOT NULL OR expires_at <= now() AS is_over,
        COALESCE(spent_at < now() - make_interval(secs => :grace_seconds), false) AS is_reused
    FROM refresh_tokens WHERE token_hash = :token_hash
""")
_SPEND = text("UPDATE refresh_tokens SET spent_at = now() WHERE token_hash = :token_hash AND spent_at IS NULL")
_END_FAMILY = text("""
    UPDATE refresh_tokens SET ended_at = now()  -- Uses index: refresh_tokens_family
    WHERE family_id = (SELECT family_id FROM refresh_tokens WHERE token_hash = :token_hash) AND ended_at IS NULL
""")
_IS_LIVE = text("""
    SELECT EXISTS (SELECT 1 FROM refresh_tokens  -- Uses index: refresh_tokens_family
        WHERE family_id = :family_id AND user_id = :user_id AND ended_at IS NULL AND expires_at > now())
""")
# A trigger on sessions_ended_at ends the account's chats: a thief may have linked one.
_END_ALL = text("""
    WITH ended AS (
        UPDATE refresh_tokens SET ended_at = now()  -- Uses index: refresh_tokens_user
        WHERE user_id = :user_id AND ended_at IS NULL AND family_id IS DISTINCT FROM CAST(:kept AS uuid))
    UPDATE users SET sessions_ended_at = clock_timestamp() WHERE id = :user_id
""")


def start(
    tx: Transaction,
    person: Person,
    *,
    by: SignInMethod,
    second_factor: str | None = None,
    is_fresh_proof: bool = True,
) -> Tokens:
    """Start a session for a locked, authenticated person: the first tokens of a new family.

    Ways to sign in call second_factor_sign_in.begin instead, which asks for the second factor where there is one.
    """
    audit.record_sampled(
        tx,
        "user.signed_in",
        subject="user",
        subject_id=person.id,
        actor_id=person.id,
        by=by,
        second_factor=second_factor,
    )
    return _add(tx, person, uuid4(), secrets.token_urlsafe(32), clock.now() if is_fresh_proof else None)


def reauthenticate(tx: Transaction, person: Person, session_id: UUID | None) -> Tokens:
    """Issue tokens for a locked person who has just authenticated again.

    They belong to the current session, if it lasts, so that signing out ends them too.
    """
    names = {"family_id": session_id, "user_id": person.id}
    lasts = session_id is not None and tx.execute(_IS_LIVE, names).scalar_one()
    family_id = session_id if session_id and lasts else uuid4()
    return _add(tx, person, family_id, secrets.token_urlsafe(32), clock.now())


def refresh(request: RefreshRequest) -> Tokens:
    """Exchange a refresh token for the next tokens of its session. Raises SessionEnded.

    Reuse of a token ends its family, unless it was first used within the last ten seconds. That must be committed
    although the caller is refused, so this opens its own transaction.
    """
    with transaction() as tx:
        fresh = _rotate(tx, request.refresh_token)
    if fresh is None:
        raise SessionEnded
    return fresh


def end(tx: Transaction, request: RefreshRequest) -> None:
    """Sign out: end the token's family. An unknown token is no error."""
    token_hash = _hashed(request.refresh_token)
    if _lock_owner(tx, token_hash):
        tx.execute(_END_FAMILY, {"token_hash": token_hash})


def end_everywhere(tx: Transaction, user_id: UUID) -> None:
    """Sign out of every device: end all sessions of an account."""
    person = people.lock(tx, user_id)
    if person:
        end_all(tx, person)


def end_all(tx: Transaction, person: Person, *, but: UUID | None = None) -> None:
    """End every session of a person whose row is locked, but for one, and every chat with their account."""
    tx.execute(_END_ALL, {"user_id": person.id, "kept": but})


def _rotate(tx: Transaction, token: str) -> Tokens | None:
    token_hash = _hashed(token)
    person = _lock_owner(tx, token_hash)
    if person is None:
        return None
    state = tx.execute(_STATE, {"token_hash": token_hash, "grace_seconds": GRACE_SECONDS}).one()
    if state.is_over:
        return None
    if state.is_reused:
        _end_compromised(tx, person, token_hash, state.family_id)
        return None
    tx.execute(_SPEND, {"token_hash": token_hash})
    return _add(tx, person, state.family_id, _successor(token), state.proven_at)


def _end_compromised(tx: Transaction, person: Person, token_hash: str, family_id: UUID) -> None:
    tx.execute(_END_FAMILY, {"token_hash": token_hash})
    audit.record(tx, "session.reused", subject="user", subject_id=person.id, family_id=family_id)
    log.warning("session.reused", extra={"user_id": str(person.id), "family_id": str(family_id)})


def _lock_owner(tx: Transaction, token_hash: str) -> Person | None:
    user_id = tx.execute(_OWNER, {"token_hash": token_hash}).scalar()
    return people.lock(tx, user_id) if user_id else None


def _add(tx: Transaction, person: Person, family_id: UUID, token: str, proven_at: datetime | None) -> Tokens:
    tx.execute(
        _ADD,
        {
            "token_hash": _hashed(token),
            "family_id": family_id,
            "user_id": person.id,
            "life_days": LIFETIME_DAYS,
            "proven_at": proven_at,
        },
    )
    principal = person.principal
    auth_time = int(proven_at.timestamp()) if proven_at else None
    return Tokens(
        access_token=access_token(principal.id, principal.role, principal.organizer_id, family_id, auth_time=auth_time),
        refresh_token=token,
        expires_in=settings().access_token_seconds,
        session_id=family_id,
    )


def _successor(token: str) -> str:
    digest = hmac.digest(secret(tokens.KEY).encode(), f"successor:{token}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
