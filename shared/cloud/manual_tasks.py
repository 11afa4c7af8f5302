"""Manual tasks for admins: at most one open task per subject and kind (PS-023)."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import text

from shared.cloud import audit
from shared.cloud.database import Transaction
from shared.field_types import line
from shared.models import Listing, PageQuery, RequestModel, ResponseModel
from shared.problems import NotFound, Problem

_OPEN = text("""
    INSERT INTO manual_tasks (kind, subject, subject_id, details)
    VALUES (:kind, :subject, :subject_id, CAST(:details AS jsonb))
    ON CONFLICT (kind, subject_id) WHERE done_at IS NULL DO NOTHING
""")
_IS_OPEN = text("""
    SELECT EXISTS (SELECT 1 FROM manual_tasks WHERE kind = :kind AND subject_id = :subject_id AND done_at IS NULL)
""")
_CLOSE = text("""
    UPDATE manual_tasks SET done_at = now(), done_by = :by WHERE subject_id = :subject_id AND done_at IS NULL
""")
_CLOSE_KINDS = text("""
    UPDATE manual_tasks SET done_at = now(), done_by = :by
    WHERE subject_id = ANY(:subject_ids) AND kind = ANY(:kinds) AND done_at IS NULL
""")
_FINISHED = text("""
    SELECT details FROM manual_tasks WHERE kind = :kind AND subject_id = :subject_id AND done_by IS NOT NULL
    ORDER BY done_at DESC LIMIT 1
""")
_COLUMNS = "id, kind, subject, subject_id, details, created_at, done_at, done_by"
_LIST_OPEN = text(f"""
    SELECT {_COLUMNS} FROM manual_tasks  -- Uses index: one_open_manual_task
    WHERE done_at IS NULL ORDER BY created_at, id LIMIT :page_size OFFSET :offset
""")
_ONE = text(f"SELECT {_COLUMNS} FROM manual_tasks WHERE id = :id")
_COUNT_OPEN = text("SELECT count(*) FROM manual_tasks WHERE done_at IS NULL")  # Uses index: one_open_manual_task
_OLDEST = text("""
    SELECT COALESCE(EXTRACT(epoch FROM now() - min(created_at)), 0) FROM manual_tasks
    WHERE kind = :kind AND done_at IS NULL  -- Uses index: one_open_manual_task
""")
_LOCK = text("SELECT done_at FROM manual_tasks WHERE id = :id FOR UPDATE")
_FINISH = text(f"""
    UPDATE manual_tasks SET done_at = now(), done_by = :by WHERE id = :id RETURNING {_COLUMNS}
""")


class Done(RequestModel):
    """The note of the admin who finished a task."""

    note: Annotated[str, line(500)]


class ManualTaskResponse(ResponseModel):
    """A task for a person: its kind (a section of the runbook) and its subject."""

    id: UUID
    kind: str
    subject: str
    subject_id: str
    details: dict[str, Any]
    created_at: datetime
    done_at: datetime | None
    done_by: UUID | None


class AlreadyDone(Problem):
    """Somebody has finished this already, or it has settled itself."""

    status, slug = 409, "manual-task-done"


def add(tx: Transaction, kind: str, *, subject: str, subject_id: UUID | str, **details: Any) -> bool:
    """Open a task about `subject`; return False, and change nothing, where one of its kind is open."""
    added = tx.execute(
        _OPEN,
        {
            "kind": kind,
            "subject": subject,
            "subject_id": str(subject_id),
            "details": json.dumps(details, default=str),
        },
    )
    return added.rowcount > 0


def is_open(tx: Transaction, kind: str, subject_id: UUID | str) -> bool:
    """True if a task of this kind about a subject is open."""
    found: bool = tx.execute(_IS_OPEN, {"kind": kind, "subject_id": str(subject_id)}).scalar_one()
    return found


def last_finished(tx: Transaction, kind: str, subject_id: UUID | str) -> dict[str, Any] | None:
    """The details of the last task of this kind about a subject that a person has finished, if any."""
    found: dict[str, Any] | None = tx.execute(_FINISHED, {"kind": kind, "subject_id": str(subject_id)}).scalar()
    return found


def close(tx: Transaction, subject_id: UUID | str, *, by: UUID | None) -> None:
    """Close all open tasks about a subject, as done by a person or by the system (None)."""
    tx.execute(_CLOSE, {"subject_id": str(subject_id), "by": by})


def close_kinds(tx: Transaction, kinds: Iterable[str], subject_ids: Iterable[UUID], *, by: UUID | None) -> None:
    """Close the open tasks of some kinds about some subjects, as done by a person or by the system (None)."""
    values = {"kinds": list(kinds), "subject_ids": [str(each) for each in subject_ids], "by": by}
    tx.execute(_CLOSE_KINDS, values)


def list_open(tx: Transaction, page: PageQuery) -> Listing[ManualTaskResponse]:
    """The open tasks, oldest first."""
    rows = tx.execute(_LIST_OPEN, {"page_size": page.page_size, "offset": page.offset}).mappings()
    return Listing[ManualTaskResponse].of(page, [ManualTaskResponse(**row) for row in rows], count_open(tx))


def read(tx: Transaction, task_id: UUID) -> ManualTaskResponse:
    """One task, open or done. Raises NotFound."""
    row = tx.execute(_ONE, {"id": task_id}).mappings().first()
    if row is None:
        raise NotFound
    return ManualTaskResponse(**row)


def finish(tx: Transaction, task_id: UUID, done: Done, *, by: UUID) -> ManualTaskResponse:
    """Finish a task; the note goes into the audit trail. Raises NotFound, AlreadyDone."""
    task = tx.execute(_LOCK, {"id": task_id}).first()
    if task is None:
        raise NotFound
    if task.done_at is not None:
        raise AlreadyDone
    finished = ManualTaskResponse(**tx.execute(_FINISH, {"id": task_id, "by": by}).mappings().one())
    audit.record(
        tx,
        "manual_task.done",
        subject=finished.subject,
        subject_id=finished.subject_id,
        actor_id=by,
        kind=finished.kind,
        note=done.note,
    )
    return finished


def oldest_seconds(tx: Transaction, kind: str) -> float:
    """The age of the oldest open task of a kind; 0 where there is none."""
    return float(tx.execute(_OLDEST, {"kind": kind}).scalar_one())


def count_open(tx: Transaction) -> int:
    """The number of open tasks."""
    return int(tx.execute(_COUNT_OPEN).scalar_one())
