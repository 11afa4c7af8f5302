"""Differences between a gateway's reports, our books and our bank: each is recorded once, with one manual task.

A difference is open as long as its task is. It is ended by what explains it (a later report, an arrival), by an admin
who books it as a cost or a gain, or by a note in its task.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from sqlalchemy import text

from shared import csv_text
from shared.accounting import ledger
from shared.cloud import audit, manual_tasks
from shared.cloud.database import Transaction
from shared.field_types import line
from shared.models import Listing, PageQuery, RequestModel, ResponseModel
from shared.payments.clearing import SETTLEMENT_DIFFERENCE
from shared.problems import NotFound, Problem

MAX_EXPORTED: Final = 100_000


class DifferenceKind(StrEnum):
    """A kind of difference. `expected` is what our side says, or the contract; `found` the other side."""

    PAYMENT_UNKNOWN = "payment_unknown"
    MOVEMENT_UNKNOWN = "movement_unknown"
    GROSS_DIFFERS = "gross_differs"
    SETTLED_TWICE = "settled_twice"
    LINE_CHANGED = "line_changed"
    NET_DIFFERS = "net_differs"
    ADJUSTMENT = "adjustment"
    FEES_DIFFER = "fees_differ"
    PAYMENT_MISSING = "payment_missing"
    REPORT_MISSING = "report_missing"
    ARRIVAL_DIFFERS = "arrival_differs"
    ARRIVAL_UNKNOWN = "arrival_unknown"
    ARRIVAL_MISSING = "arrival_missing"


BOOKABLE: Final = frozenset(
    {
        DifferenceKind.ADJUSTMENT,
        DifferenceKind.NET_DIFFERS,
        DifferenceKind.LINE_CHANGED,
        DifferenceKind.ARRIVAL_DIFFERS,
    }
)
"""Kinds by which a gateway holds more or less for us than our books say, and that nothing else will book."""

_ADD = text("""
    INSERT INTO settlement_differences (kind, subject_key, gateway, expected, found, reference, batch_id, line_id,
        payment_id, expected_arrival_id, arrival_id)
    VALUES (:kind, :subject_key, :gateway, :expected, :found, :reference, :batch_id, :line_id, :payment_id,
        :expected_arrival_id, :arrival_id)
    ON CONFLICT (kind, subject_key) DO NOTHING
    RETURNING id
""")
_ORDER = text("SELECT order_id FROM payments WHERE id = :id")
_OF_SUBJECTS = text("""
    SELECT id FROM settlement_differences WHERE kind = :kind AND subject_key = ANY(CAST(:subject_keys AS text[]))
""")
_COLUMNS = """
    d.id, d.kind, d.gateway, d.expected, d.found, d.reference, d.batch_id, d.payment_id, p.order_id, d.arrival_id,
    d.created_at, t.id AS task_id, t.done_at,
    EXISTS (SELECT 1 FROM ledger_postings l WHERE l.kind = 'settlement_adjustment' AND l.reference_id = d.id)
        AS is_booked
"""
_SOURCE = """
    FROM settlement_differences d LEFT JOIN payments p ON p.id = d.payment_id
        LEFT JOIN manual_tasks t ON t.kind = 'settlement_difference' AND t.subject_id = CAST(d.id AS text)
"""  # Uses index: manual_tasks_subject
_WANTED = """
    WHERE (CAST(:batch_id AS uuid) IS NULL OR d.batch_id = CAST(:batch_id AS uuid))
        AND (NOT CAST(:only_open AS boolean) OR (t.id IS NOT NULL AND t.done_at IS NULL))
"""
_LIST = text(f"""
    SELECT {_COLUMNS} {_SOURCE} {_WANTED} ORDER BY d.created_at DESC, d.id LIMIT :page_size OFFSET :offset
""")
_COUNT = text(f"SELECT count(*) {_SOURCE} {_WANTED}")
_ONE = text(f"SELECT {_COLUMNS} {_SOURCE} WHERE d.id = :id")
_LOCK = text("SELECT id FROM manual_tasks WHERE id = :id AND done_at IS NULL FOR UPDATE")


class NotBookable(Problem):
    """This difference can't be booked as a cost or a gain: something else must explain it, or it is over already."""

    status, slug = 409, "settlement-difference-not-bookable"


@dataclass(frozen=True)
class Difference:
    """A difference that was found, in rupiah; `subject_key` is what it is about."""

    kind: DifferenceKind
    subject_key: str
    gateway: str
    expected: int
    found: int
    reference: str = ""
    batch_id: UUID | None = None
    line_id: UUID | None = None
    payment_id: UUID | None = None
    expected_arrival_id: UUID | None = None
    arrival_id: UUID | None = None


class DifferenceQuery(PageQuery):
    """A page of the differences, or all of them as a CSV file: the open ones, or all; of one batch, or of all."""

    status: Literal["open", "all"] = "open"
    batch_id: UUID | None = None
    format: Literal["json", "csv"] = "json"


class DifferenceResponse(ResponseModel):
    """A difference in rupiah: `amount` is what was found less what was expected. It is open until `done_at`."""

    id: UUID
    kind: DifferenceKind
    gateway: str
    expected: int
    found: int
    amount: int
    reference: str
    batch_id: UUID | None
    payment_id: UUID | None
    order_id: UUID | None
    arrival_id: UUID | None
    created_at: datetime
    task_id: UUID | None
    done_at: datetime | None
    is_booked: bool

    @property
    def is_bookable(self) -> bool:
        """True if an admin may book it as a cost or a gain."""
        is_open = self.task_id is not None and self.done_at is None
        return is_open and self.kind in BOOKABLE and self.amount != 0 and not self.is_booked


class Booking(RequestModel):
    """The reason why a difference is booked as a cost or a gain."""

    note: Annotated[str, line(500)]


def record(tx: Transaction, found: Iterable[Difference]) -> int:
    """Record differences, each with its task, and return how many were new; what was recorded before stays as it is."""
    return sum(_record(tx, each) for each in found)


def end(tx: Transaction, kind: DifferenceKind, subject_keys: Sequence[str]) -> None:
    """Close the tasks of differences that are explained now."""
    if subject_keys:
        for row in tx.execute(_OF_SUBJECTS, {"kind": kind, "subject_keys": list(subject_keys)}).all():
            manual_tasks.close(tx, row.id, by=None)


def list_page(tx: Transaction, wanted: DifferenceQuery) -> Listing[DifferenceResponse]:
    """Differences, newest first."""
    values = {"batch_id": wanted.batch_id, "only_open": wanted.status == "open"}
    rows = tx.execute(_LIST, {**values, "page_size": wanted.page_size, "offset": wanted.offset})
    return Listing[DifferenceResponse].of(wanted, [_response(row) for row in rows], _count(tx, values))


def export(tx: Transaction, wanted: DifferenceQuery) -> bytes:
    """The same as a CSV file, as many as it holds."""
    values = {"batch_id": wanted.batch_id, "only_open": wanted.status == "open", "page_size": MAX_EXPORTED, "offset": 0}
    header = ("Found at", "Gateway", "Kind", "Reference", "Expected", "Found", "Difference", "Order", "State", "Id")
    rows = (_response(row) for row in tx.execute(_LIST, values))
    return csv_text.to_bytes(header, (_exported(each) for each in rows))


def read(tx: Transaction, difference_id: UUID) -> DifferenceResponse:
    """One difference. Raises NotFound."""
    row = tx.execute(_ONE, {"id": difference_id}).first()
    if row is None:
        raise NotFound
    return _response(row)


def book(tx: Transaction, difference_id: UUID, booking: Booking, *, by: UUID) -> DifferenceResponse:
    """Book a difference as our cost or gain, and close its task. Raises NotFound, NotBookable."""
    found = read(tx, difference_id)
    if not found.is_bookable or tx.execute(_LOCK, {"id": found.task_id}).first() is None:
        raise NotBookable
    if not ledger.post_settlement_adjustment(tx, difference_id, found.gateway, -found.amount):
        raise NotBookable
    manual_tasks.close(tx, difference_id, by=by)
    audit.record(
        tx,
        "settlement_difference.booked",
        subject="settlement_difference",
        subject_id=difference_id,
        actor_id=by,
        amount=found.amount,
        note=booking.note,
    )
    return read(tx, difference_id)


def _record(tx: Transaction, found: Difference) -> bool:
    difference_id = tx.execute(_ADD, vars(found)).scalar()
    if difference_id is None:
        return False
    details: dict[str, Any] = {
        "gateway": found.gateway,
        "difference": found.kind.value,
        "expected": found.expected,
        "found": found.found,
        "reference": found.reference,
        "order_id": tx.execute(_ORDER, {"id": found.payment_id}).scalar() if found.payment_id else None,
    }
    return manual_tasks.add(
        tx, SETTLEMENT_DIFFERENCE, subject="settlement_difference", subject_id=difference_id, **details
    )


def _count(tx: Transaction, values: dict[str, Any]) -> int:
    return int(tx.execute(_COUNT, values).scalar_one())


def _response(row: Any) -> DifferenceResponse:
    return DifferenceResponse(**row._mapping, amount=row.found - row.expected)


def _exported(each: DifferenceResponse) -> tuple[Any, ...]:
    state = "booked" if each.is_booked else "done" if each.done_at else "open"
    order = str(each.order_id) if each.order_id else ""
    money = (each.expected, each.found, each.amount)
    return (
        each.created_at.isoformat(),
        each.gateway,
        each.kind.value,
        each.reference,
        *money,
        order,
        state,
        str(each.id),
    )
