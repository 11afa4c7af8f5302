"""The journal of the books for accounting: every double entry of a period, line by line (AR-011).

Debits and credits of all lines are equal, and what the lines of an account sum up to is what the trial balance says
(`shared/accounting/statements.py`). A workbook has that balance on its second sheet. Days are Jakarta's.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import text

from shared import local_time
from shared.cloud import audit
from shared.cloud.database import Transaction, batches, replica_snapshot, transaction
from shared.identity.tokens import Principal
from shared.models import File
from shared.reports import export_files, periods
from shared.reports.periods import PeriodQuery
from shared.reports.tables import Cell, Column, Table

_LOCAL = ZoneInfo(local_time.HOME_ZONE)

_SOURCE = f"""
    FROM ledger_postings p JOIN ledger_entries e ON e.posting_id = p.id  -- Uses index: ledger_postings_age
    WHERE {periods.contains("p.created_at")}
"""
_LINES = text(f"""
    SELECT p.id AS posting_id, p.created_at, p.kind, e.account, e.amount, p.order_id, p.event_id, p.organizer_id,
        p.reference_id
    {_SOURCE} ORDER BY p.created_at, p.id, e.id
""")
_COUNT = text(f"SELECT count(*) {_SOURCE}")
_ACCOUNTS = text(f"""
    SELECT e.account,
        COALESCE(sum(e.amount) FILTER (WHERE p.created_at < CAST(:since AS timestamptz)), 0) AS opening,
        COALESCE(sum(e.amount) FILTER (WHERE e.amount > 0 AND {periods.contains("p.created_at")}), 0) AS debits,
        COALESCE(-sum(e.amount) FILTER (WHERE e.amount < 0 AND {periods.contains("p.created_at")}), 0) AS credits,
        sum(e.amount) AS closing
    FROM ledger_postings p JOIN ledger_entries e ON e.posting_id = p.id
    WHERE CAST(:until AS timestamptz) IS NULL OR p.created_at < CAST(:until AS timestamptz)
    GROUP BY e.account ORDER BY e.account
""")
_LINE_COLUMNS = [
    Column("Date (WIB)", 20),
    Column("Posting", 38),
    Column("Kind", 22),
    Column("Account", 56),
    Column("Debit", 16),
    Column("Credit", 16),
    Column("Order", 38),
    Column("Event", 38),
    Column("Organizer", 38),
    Column("Reference", 38),
]
_ACCOUNT_COLUMNS = [
    Column("Account", 56),
    Column("Opening balance", 18),
    Column("Debits", 18),
    Column("Credits", 18),
    Column("Closing balance", 18),
]


class JournalQuery(PeriodQuery):
    """From (included) to (excluded), each a moment or a date; a date is that whole day in Jakarta."""

    format: Literal["csv", "xlsx"] = "csv"


def export(admin: Principal, wanted: JournalQuery) -> File:
    """The journal of the period in one file; the export is audited. Raises ExportTooLarge."""
    values = wanted.within(local_time.HOME_ZONE).values
    with transaction() as tx:
        audit.record(tx, "journal.exported", subject="ledger", subject_id=None, actor_id=admin.id, format=wanted.format)
    with replica_snapshot() as tx:
        periods.plan_for_these_values(tx)
        export_files.refuse_too_many(tx.execute(_COUNT, values).scalar_one(), wanted.format)
        return export_files.write(wanted.format, _sheets(tx, values), f"{_name(wanted)}.{wanted.format}")


def _sheets(tx: Transaction, values: dict[str, Any]) -> list[Table]:
    lines = _lines(batches(tx, _LINES, values))
    return [
        Table("Journal", "Karcis", _LINE_COLUMNS, lines, "en"),
        Table("Trial balance", "Karcis", _ACCOUNT_COLUMNS, _accounts(tx, values), "en"),
    ]


def _lines(rows: Iterable[Any]) -> Iterator[tuple[Cell, ...]]:
    for row in rows:
        debit, credit = (row.amount, None) if row.amount > 0 else (None, -row.amount)
        ids = (row.order_id, row.event_id, row.organizer_id, row.reference_id)
        yield _local(row.created_at), str(row.posting_id), row.kind, row.account, debit, credit, *map(_written, ids)


def _accounts(tx: Transaction, values: dict[str, Any]) -> Iterator[tuple[Cell, ...]]:
    for row in tx.execute(_ACCOUNTS, values):
        yield row.account, int(row.opening), int(row.debits), int(row.credits), int(row.closing)


def _name(wanted: JournalQuery) -> str:
    ends = [f"{end:%Y-%m-%d}" for end in (wanted.from_, wanted.to) if end is not None]
    return "-".join(["journal", *ends])


def _local(moment: datetime) -> datetime:
    return moment.astimezone(_LOCAL).replace(tzinfo=None, microsecond=0)


def _written(thing: Any) -> str | None:
    return None if thing is None else str(thing)
