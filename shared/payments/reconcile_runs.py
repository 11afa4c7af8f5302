"""Runs of reconcile: each is a row, with what it repaired; an admin may request one (table `reconcile_runs`).

A requested run waits for its task, one at a time; the scheduled run takes over where Cloud Tasks could not be reached,
or a run was cut off.
"""

import json
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.cloud import audit, tasks
from shared.cloud.database import Transaction, after_commit, transaction
from shared.cloud.logs import correlation_id
from shared.models import Listing, PageQuery, RequestModel, ResponseModel
from shared.payments import reconcile, reconcile_totals
from shared.payments.reconcile import StepsFailed
from shared.problems import NotFound, Problem

CUT_OFF_MINUTES = 15
"""The time after which a run was cut off: its function is stopped after nine minutes."""

log = logging.getLogger(__name__)

_SELECT = """
    SELECT n.id, n.thorough, n.requested_by, u.full_name AS requested_by_name, n.created_at, n.started_at,
        n.finished_at, n.totals, n.correlation_id
    FROM reconcile_runs n LEFT JOIN users u ON u.id = n.requested_by
"""
_ONE = text(f"{_SELECT} WHERE n.id = :id")
_LIST = text(f"""
    {_SELECT} ORDER BY n.created_at DESC, n.id LIMIT :page_size OFFSET :offset  -- Uses index: reconcile_runs_age
""")
_COUNT = text("SELECT count(*) FROM reconcile_runs")
_REQUEST = text("""
    INSERT INTO reconcile_runs (thorough, requested_by) VALUES (:thorough, :by)
    ON CONFLICT ((true)) WHERE started_at IS NULL DO NOTHING
    RETURNING id
""")
_WAITING = text(f"{_SELECT} WHERE n.started_at IS NULL")
_UNFINISHED = text(f"""
    {_SELECT} WHERE n.finished_at IS NULL AND n.requested_by IS NOT NULL AND n.created_at > now() - interval '1 day'
    ORDER BY n.created_at  -- Uses index: reconcile_runs_age
""")
_SCHEDULED = text("""
    INSERT INTO reconcile_runs (thorough, started_at, correlation_id) VALUES (:thorough, now(), :correlation_id)
    RETURNING id
""")
_START = text("""
    UPDATE reconcile_runs SET started_at = now(), correlation_id = :correlation_id
    WHERE id = :id AND finished_at IS NULL RETURNING thorough
""")
_FINISH = text("""
    UPDATE reconcile_runs SET finished_at = now(), totals = CAST(:totals AS jsonb) WHERE id = :id
""")
_OVERDUE = text("""
    SELECT id, created_at FROM reconcile_runs
    WHERE started_at IS NULL AND created_at < now() - interval '1 minute'  -- Uses index: one_waiting_reconcile_run
    UNION ALL SELECT id, created_at FROM reconcile_runs  -- Uses index: reconcile_runs_age
    WHERE requested_by IS NOT NULL AND finished_at IS NULL AND created_at > now() - interval '1 day'
        AND started_at < now() - make_interval(mins => :cut_off)
    ORDER BY created_at
""")
_REPAIRS = text("""
    SELECT at, action, subject_id, details FROM audit_log  -- Uses index: audit_log_subject
    WHERE subject = 'row' AND at BETWEEN :started_at AND COALESCE(:finished_at, now())
        AND correlation_id = :correlation_id AND action LIKE 'reconcile\\_%'
    ORDER BY at, id LIMIT 1000
""")


class RunRequest(RequestModel):
    """The kind of run: `thorough` also asks the gateways about silent payments, and checks counters and the ledger."""

    thorough: bool = False


class ReconcileRunResponse(ResponseModel):
    """A run of reconcile. `totals` counts what it did and found, by name; `repairs` counts what it repaired."""

    id: UUID
    thorough: bool
    requested_by: UUID | None
    requested_by_name: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    totals: dict[str, int]
    repairs: int


class Repair(ResponseModel):
    """A repair: its name, its row and its outcome."""

    at: datetime
    action: str
    subject_id: str | None
    outcome: str | None


class ReconcileRunDetails(ReconcileRunResponse):
    """A run with its single repairs. Those that are only counted are in `totals`."""

    items: list[Repair]


class RunWaiting(Problem):
    """A run of the other kind waits already. It begins within a minute; request yours then."""

    status, slug = 409, "reconcile-run-waiting"


def request(tx: Transaction, wanted: RunRequest, *, by: UUID) -> ReconcileRunResponse:
    """Request a run; the same kind requested again, while it waits, is that run. Raises RunWaiting for the other."""
    run_id: UUID | None = tx.execute(_REQUEST, {"thorough": wanted.thorough, "by": by}).scalar()
    if run_id is None:
        row = tx.execute(_WAITING).mappings().first()
        if row is None:  # it has begun meanwhile
            return request(tx, wanted, by=by)
        waiting = _response(dict(row))
        if waiting.thorough != wanted.thorough:
            raise RunWaiting
        return waiting
    audit.record(tx, "reconcile.requested", subject="run", subject_id=run_id, actor_id=by, thorough=wanted.thorough)
    after_commit(tx, lambda: _enqueue(run_id))
    return _response(dict(tx.execute(_ONE, {"id": run_id}).mappings().one()))


def run_scheduled(*, thorough: bool) -> None:
    """Run as scheduled, and record it."""
    with transaction() as tx:
        run_id: UUID = tx.execute(_SCHEDULED, {"thorough": thorough, "correlation_id": correlation_id()}).scalar_one()
    _run(run_id, thorough=thorough)


def run_requested(run_id: UUID) -> bool:
    """Run what an admin has requested; return False if it has run already. After a crash it is run again."""
    with transaction() as tx:
        row = tx.execute(_START, {"id": run_id, "correlation_id": correlation_id()}).first()
    if row is None:
        return False
    _run(run_id, thorough=row.thorough)
    return True


def run_overdue() -> int:
    """Run what was requested and did not begin, however long ago, or was cut off within a day; return how many.

    What waits keeps others from being requested.
    """
    with transaction() as tx:
        overdue = tx.execute(_OVERDUE, {"cut_off": CUT_OFF_MINUTES}).scalars().all()
    return sum(run_requested(run_id) for run_id in overdue)


def list_page(tx: Transaction, page: PageQuery) -> Listing[ReconcileRunResponse]:
    """The runs, the newest first."""
    rows = tx.execute(_LIST, {"page_size": page.page_size, "offset": page.offset}).mappings()
    total: int = tx.execute(_COUNT).scalar_one()
    return Listing[ReconcileRunResponse].of(page, [_response(dict(row)) for row in rows], total)


def unfinished_requests(tx: Transaction) -> list[ReconcileRunResponse]:
    """The requested runs that wait or are under way, oldest first."""
    return [_response(dict(row)) for row in tx.execute(_UNFINISHED).mappings()]


def read(tx: Transaction, run_id: UUID) -> ReconcileRunDetails:
    """One run with its repairs. Raises NotFound."""
    row = tx.execute(_ONE, {"id": run_id}).mappings().first()
    if row is None:
        raise NotFound
    items: list[Repair] = []
    if row["started_at"]:
        about = {name: row[name] for name in ("started_at", "finished_at", "correlation_id")}
        items = [
            Repair(at=each.at, action=each.action, subject_id=each.subject_id, outcome=each.details.get("outcome"))
            for each in tx.execute(_REPAIRS, about)
        ]
    return ReconcileRunDetails(**_response(dict(row)).model_dump(), items=items)


def _run(run_id: UUID, *, thorough: bool) -> None:
    failed: StepsFailed | None = None
    try:
        totals: Mapping[str, int] = reconcile.run(thorough=thorough)
    except StepsFailed as error:
        failed, totals = error, error.totals
    with transaction() as tx:
        tx.execute(_FINISH, {"id": run_id, "totals": json.dumps(totals)})
    if failed:
        raise failed


def _response(row: dict[str, Any]) -> ReconcileRunResponse:
    shown = {name: value for name, value in row.items() if name != "correlation_id"}
    return ReconcileRunResponse(**shown, repairs=reconcile_totals.repairs(row["totals"]))


def _enqueue(run_id: UUID) -> None:
    try:
        tasks.enqueue("reconcile", "reconcile", "/tasks/run", {"run_id": str(run_id)})
    except tasks.NotEnqueued as unreachable:  # the scheduled run takes it over
        log.warning("reconcile.task_failed", extra={"run_id": str(run_id), "error": str(unreachable)})
