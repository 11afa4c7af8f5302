"""Resets of a second factor whose owner has lost the phone and every recovery code (MFA-1).

    organizers   prove their mailbox by signing in with a mailed code, ask for the reset, and wait three days; a mail
                 tells them at once, and whoever still has the factor ends the reset by signing in with it
    by an admin  at once, after a check of who asks that the runbook describes; another admin's only as a second admin
                 approves it

A reset ends every session. Afterwards the account has no second factor, and an admin has to set one up first of all.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.database import Transaction, transaction
from shared.field_types import Utc, line
from shared.identity import approvals, people, roles, second_factor_sign_in, second_factors, sessions
from shared.identity.approvals import ApprovalResponse
from shared.identity.people import Person
from shared.identity.second_factor_notices import notice
from shared.identity.second_factor_sign_in import ChallengeToken
from shared.identity.second_factors import Mail
from shared.identity.tokens import Principal
from shared.models import RequestModel, ResponseModel
from shared.problems import Forbidden, NotFound
from shared.states import ApprovalAction

WAIT_DAYS = 3


class ResetRequest(RequestModel):
    """The challenge of a sign-in by mailed code."""

    challenge: ChallengeToken


class ResetRequested(ResponseModel):
    """The moment at which the second factor is removed, unless somebody signs in with it before."""

    reset_due_at: Utc


class AdminReset(RequestModel):
    """The reason why a second factor is reset, and how it was made sure that its owner asks."""

    reason: Annotated[str, line(500)]


class ResetOutcome(ResponseModel):
    """The outcome: it is reset, or another admin has to approve that first."""

    is_reset: bool
    approval: ApprovalResponse | None = None


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


def decide(tx: Transaction, admin: Principal, user_id: UUID, wanted: AdminReset, mail: Mail) -> ResetOutcome:
    """Reset the second factor of somebody else; that of an admin once a second admin approves it.

    Who was an admin lately counts as one, so that nobody gets around it by taking their role first.

    Raises NotFound without a second factor, Forbidden for one's own, and AlreadyRequested.
    """
    person = _lock_other(tx, admin, user_id)
    if person.role == "admin" or roles.was_admin_lately(tx, user_id):
        action = ApprovalAction.SECOND_FACTOR_RESET
        return ResetOutcome(
            is_reset=False, approval=approvals.request(tx, action, user_id, reason=wanted.reason, by=admin.id)
        )
    reset(tx, person, mail, by=admin.id, reason=wanted.reason)
    return ResetOutcome(is_reset=True)


def carry_out_approved(tx: Transaction, approver: Principal, approved: ApprovalResponse, mail: Mail) -> None:
    """Reset the second factor of an admin, as two others have decided. Raises NotFound, and Forbidden for one's own."""
    person = _lock_other(tx, approver, approved.subject_id)
    reset(tx, person, mail, by=approver.id, reason=approved.reason)


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


def _lock_other(tx: Transaction, admin: Principal, user_id: UUID) -> Person:
    """Lock somebody else who has a second factor. Raises NotFound, Forbidden."""
    if admin.id == user_id:
        raise Forbidden("Nobody resets their own second factor. Set up another phone in your account instead.")
    person = people.lock(tx, user_id)
    if person is None or second_factors.find(tx, user_id) is None:
        raise NotFound
    return person


def _request(tx: Transaction, person: Person, mail: Mail) -> datetime:
    requested_at: datetime | None = tx.execute(_REQUEST, {"user_id": person.id, "wait_days": WAIT_DAYS}).scalar()
    if requested_at:
        audit.record(tx, "second_factor.reset_requested", subject="user", subject_id=person.id, actor_id=person.id)
        mail(tx, notice(person, "reset_requested", due_at=requested_at))
    due_at: datetime = requested_at or tx.execute(_REQUESTED, {"user_id": person.id}).scalar_one()
    return due_at


def _carry_out(user_id: UUID, mail: Mail) -> bool:
    with transaction() as tx:
        person = people.lock(tx, user_id)
        if person is None or not tx.execute(_IS_DUE, {"user_id": user_id}).scalar():
            return False  # meanwhile its owner has signed in with it
        if person.role == "admin":  # they have become one meanwhile
            second_factors.cancel_reset(tx, person, mail, by=None)
            return False
        return reset(tx, person, mail, by=None, reason="asked for by mailed code")
