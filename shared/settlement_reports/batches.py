"""Settlement batches as they are read: one imported file each, with its lines and totals."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.models import Listing, PageQuery, ResponseModel
from shared.problems import NotFound
from shared.settlement_reports.fee_rates import TOLERANCE
from shared.settlement_reports.lines import LineKind

_BATCH = """
    SELECT b.id, b.gateway, b.report, b.rows_read, b.lines_known, b.amounts_rounded, b.rows_left_out,
        b.columns_ignored, b.created_at, u.full_name AS imported_by_name, l.*,
        (SELECT count(*) FROM settlement_differences d WHERE d.batch_id = b.id) AS differences
    FROM settlement_batches b JOIN users u ON u.id = b.imported_by CROSS JOIN LATERAL (
        SELECT count(*) AS lines, COALESCE(sum(gross), 0) AS gross, COALESCE(sum(fee), 0) AS fee,
            COALESCE(sum(tax), 0) AS tax, COALESCE(sum(net), 0) AS net, min(settled_at) AS first_settled_at,
            max(settled_at) AS last_settled_at,
            count(*) FILTER (WHERE kind = 'payment' AND expected_deduction IS NULL) AS fees_unchecked
        FROM settlement_lines WHERE batch_id = b.id) AS l
"""
_ONE = text(f"{_BATCH} WHERE b.id = :id")
_LIST = text(f"{_BATCH} ORDER BY b.created_at DESC, b.id LIMIT :page_size OFFSET :offset")
_COUNT = text("SELECT count(*) FROM settlement_batches")
_LINES = text("""
    SELECT l.id, l.row_number, l.kind, l.reference, l.channel, l.gross, l.fee, l.tax, l.net, l.expected_deduction,
        l.settled_at, l.payment_id, p.order_id
    FROM settlement_lines l LEFT JOIN payments p ON p.id = l.payment_id  -- Uses index: settlement_lines_batch
    WHERE l.batch_id = :batch_id ORDER BY l.row_number, l.id LIMIT :page_size OFFSET :offset
""")
_COUNT_LINES = text("SELECT count(*) FROM settlement_lines WHERE batch_id = :batch_id")
_SUMS = ("gross", "fee", "tax", "net")


class BatchResponse(ResponseModel):
    """An imported report, in rupiah: the totals of the lines that it brought; `lines_known` came in another before."""

    id: UUID
    gateway: str
    report: str
    rows_read: int
    lines: int
    lines_known: int
    rows_left_out: dict[str, int]
    amounts_rounded: int
    columns_ignored: list[str]
    gross: int
    fee: int
    tax: int
    net: int
    first_settled_at: datetime | None
    last_settled_at: datetime | None
    fees_unchecked: int
    differences: int
    imported_by_name: str
    created_at: datetime
    was_imported_before: bool = False


class LineResponse(ResponseModel):
    """A line in rupiah: `gross` in (out is negative), what the gateway kept, and what the contract lets it keep."""

    id: UUID
    row_number: int
    kind: LineKind
    reference: str
    channel: str
    gross: int
    fee: int
    tax: int
    net: int
    expected_deduction: int | None
    settled_at: datetime
    payment_id: UUID | None
    order_id: UUID | None

    @property
    def is_deduction_off(self) -> bool:
        """True if the gateway kept more or less than the contract says."""
        return self.expected_deduction is not None and abs(self.fee + self.tax - self.expected_deduction) > TOLERANCE


def read(tx: Transaction, batch_id: UUID, *, was_imported_before: bool = False) -> BatchResponse:
    """One batch. Raises NotFound."""
    row = tx.execute(_ONE, {"id": batch_id}).first()
    if row is None:
        raise NotFound
    return _response(row, was_imported_before)


def list_page(tx: Transaction, page: PageQuery) -> Listing[BatchResponse]:
    """The batches, newest first."""
    rows = tx.execute(_LIST, {"page_size": page.page_size, "offset": page.offset})
    total = int(tx.execute(_COUNT).scalar_one())
    return Listing[BatchResponse].of(page, [_response(row) for row in rows], total)


def lines(tx: Transaction, batch_id: UUID, page: PageQuery) -> Listing[LineResponse]:
    """The lines of a batch, in the report's order. Raises NotFound."""
    read(tx, batch_id)
    values = {"batch_id": batch_id, "page_size": page.page_size, "offset": page.offset}
    rows = tx.execute(_LINES, values)
    total = int(tx.execute(_COUNT_LINES, values).scalar_one())
    return Listing[LineResponse].of(page, [LineResponse(**row._mapping) for row in rows], total)


def _response(row: Any, was_imported_before: bool = False) -> BatchResponse:
    values = {**row._mapping, **{name: int(row._mapping[name]) for name in _SUMS}}
    return BatchResponse(**values, was_imported_before=was_imported_before)
