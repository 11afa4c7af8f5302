"""The audit trail of actions, their subjects and actors (SEC-006, SEC-012). Rows are only added."""

import json
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.cloud.logs import correlation_id

_RECORD = text("""
    INSERT INTO audit_log (actor_id, action, subject, subject_id, details, correlation_id)
    VALUES (:actor_id, :action, :subject, :subject_id, CAST(:details AS jsonb), :correlation_id)
""")

_RECENT = text("""
    SELECT EXISTS (SELECT 1 FROM audit_log  -- Uses index: audit_log_subject
        WHERE subject = :subject AND subject_id = :subject_id AND action = :action
          AND at > now() - interval '1 minute')
""")
_CORRELATION = text("""
    SELECT correlation_id FROM audit_log  -- Uses index: audit_log_subject
    WHERE subject = :subject AND subject_id = :subject_id AND action = :action
    ORDER BY at LIMIT 1
""")


def record(
    tx: Transaction,
    action: str,
    *,
    subject: str,
    subject_id: UUID | str | None,
    actor_id: UUID | None = None,
    **details: Any,
) -> None:
    """Record an `action` (`order.paid`) on a `subject` (`order`) by `actor_id`, or by the system (None)."""
    tx.execute(
        _RECORD,
        {
            "actor_id": actor_id,
            "action": action,
            "subject": subject,
            "subject_id": None if subject_id is None else str(subject_id),
            "details": json.dumps(details, default=str),
            "correlation_id": correlation_id(),
        },
    )


def record_sampled(
    tx: Transaction, action: str, *, subject: str, subject_id: UUID, actor_id: UUID | None = None, **details: Any
) -> None:
    """Like `record`, but once a minute at most: for events that strangers can cause at will."""
    if not tx.execute(_RECENT, {"action": action, "subject": subject, "subject_id": str(subject_id)}).scalar_one():
        record(tx, action, subject=subject, subject_id=subject_id, actor_id=actor_id, **details)


def correlation_of(tx: Transaction, action: str, *, subject: str, subject_id: UUID) -> str | None:
    """The correlation id of the request that first performed `action` on a subject, if any."""
    found: str | None = tx.execute(
        _CORRELATION, {"action": action, "subject": subject, "subject_id": str(subject_id)}
    ).scalar()
    return found
