"""What only a person can finish: a list for admins, one open task per thing and kind (PS-023)."""

import json
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction

_OPEN = text("""
    INSERT INTO manual_tasks (kind, subject, subject_id, details)
    VALUES (:kind, :subject, :subject_id, CAST(:details AS jsonb))
    ON CONFLICT (kind, subject_id) WHERE done_at IS NULL DO NOTHING
""")
_CLOSE = text("""
    UPDATE manual_tasks SET done_at = now(), done_by = :by WHERE subject_id = :subject_id AND done_at IS NULL
""")
_COUNT_OPEN = text("SELECT count(*) FROM manual_tasks WHERE done_at IS NULL")  # Uses index: one_open_manual_task


def add(tx: Transaction, kind: str, *, subject: str, subject_id: UUID | str, **details: Any) -> None:
    """Ask a person to look at `subject`; asking again while the task is open changes nothing."""
    tx.execute(
        _OPEN,
        {
            "kind": kind,
            "subject": subject,
            "subject_id": str(subject_id),
            "details": json.dumps(details, default=str),
        },
    )


def close(tx: Transaction, subject_id: UUID | str, *, by: UUID | None) -> None:
    """Note that a person, or what happened meanwhile (None), has finished whatever was open about a subject."""
    tx.execute(_CLOSE, {"subject_id": str(subject_id), "by": by})


def count_open(tx: Transaction) -> int:
    """How many wait for a person."""
    return int(tx.execute(_COUNT_OPEN).scalar_one())
