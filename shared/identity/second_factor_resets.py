"""Resets of a second factor whose owner has lost the phone and every recovery code (MFA-1).

    organizers   prove their mailbox by signing in with a mailed code, ask for the reset, and wait three days; a mail
                 tells them at once, and whoever still has the factor ends the reset by signing in with it
    by an admin  at once, after a check of who asks that the runbook describes; another admin's only as a second admin
                 approves it

A reset ends every session. Afterwards the account has no second factor, and an admin has to set one up first of all.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.database import Transaction, transaction
from shared.field_types import Utc
from shared.identity import people, second_factor_sign_in, second_factors, sessions
from shared.identity.people import Person
from shared.identity.second_factor_notices import notice
from shared.identity.second_factor_sign_in import ChallengeToken
from shared.identity.second_factors import Mail
from shared.models import RequestModel, ResponseModel
from shared.problems import Forbidden

WAIT_DAYS = 3


class ResetRequest(RequestModel):
    """The challenge of a sign-in by mailed code."""

    challenge: ChallengeToken


class ResetRequested(ResponseModel):
    """When the second factor is removed, unless somebody signs in with it before."""

    reset_due_at: Utc


class MailedCodeRequired(Forbidden):
    """Sign in with a mailed code first, so that we know that the mailbox is yours; then ask for this again."""

    slug = "mailed-code-required"


class AdminResetOnly(Forbidden):
    """The second factor of an admin is not reset by waiting. Ask two other admins to reset it."""

    slug = "admin-reset-only"


_REQUEST = text("""
    UPDATE second_factors SET reset_due_at = now() + make_interval(days => :wait_days)
    WHERE user_id = :user_id AND reset_due_at IS NULL
    RETURNING reset_due_at
""")
_REQUESTED = text("SELECT reset_due_at FROM second_factors WHERE user_id = :user_id")
_DUE = text("""
    SELECT user_id FROM second_factors  -- Uses index: second_factors_reset
    WHERE reset_due_at <= now() ORDER BY reset_due_at
""")
_IS_DUE = text("SELECT reset_due_at <= now() FROM second_factors WHERE user_id = :user_id")


def request(wanted: ResetRequest, mail: Mail) -> ResetRequested:
    """Ask to remove the second factor in three days; asked again, nothing changes.

    Raises ChallengeExpired, MailedCodeRequired, and AdminResetOnly.
    """
    with transaction() as tx:
        challenged = second_factor_sign_in.lock_challenged(tx, wanted.challenge)
        if challenged.person.role == "admin":
            raise AdminResetOnly
        if challenged.by != "mailed code":
            raise MailedCodeRequired
        return ResetRequested(reset_due_at=_request(tx, challenged.person, mail))


def carry_out_due(mail: Mail) -> int:
    """Remove the second factors whose owners have waited; return how many."""
    with transaction() as tx:
        due = tx.execute(_DUE).scalars().all()
    return sum(_carry_out(user_id, mail) for user_id in due)


def reset(tx: Transaction, person: Person, mail: Mail, *, by: UUID | None, reason: str) -> bool:
    """Remove the second factor of a locked person and end their sessions; False where they have none."""
    if not second_factors.remove(tx, person.id):
        return False
    sessions.end_all(tx, person)
    audit.record(tx, "second_factor.reset", subject="user", subject_id=person.id, actor_id=by, reason=reason)
    mail(tx, notice(person, "reset"))
    return True


def _request(tx: Transaction, person: Person, mail: Mail) -> datetime:
    asked: datetime | None = tx.execute(_REQUEST, {"user_id": person.id, "wait_days": WAIT_DAYS}).scalar()
    if asked:
        audit.record(tx, "second_factor.reset_requested", subject="user", subject_id=person.id, actor_id=person.id)
        mail(tx, notice(person, "reset_requested", due_at=asked))
    due_at: datetime = asked or tx.execute(_REQUESTED, {"user_id": person.id}).scalar_one()
    return due_at


def _carry_out(user_id: UUID, mail: Mail) -> bool:
    with transaction() as tx:
        person = people.lock(tx, user_id)
        if person is None or not tx.execute(_IS_DUE, {"user_id": user_id}).scalar():
            return False  # meanwhile its owner has signed in with it
        return reset(tx, person, mail, by=None, reason="asked for by mailed code")
