"""Bank statements as CSV: what gateways have sent us is entered, everything else is left alone and counted.

No two banks name their columns alike: a day, an amount (or credits in a column of their own) and a description are
enough. A row is of a gateway where its description names it. Equal rows of one statement are told apart by their
number, so the same statement, or one that overlaps it, enters nothing twice.
"""

from collections import Counter
from typing import Final
from uuid import UUID

from pydantic import ValidationError

from shared.cloud.database import Transaction
from shared.gateways.names import NAMES
from shared.models import ResponseModel
from shared.settlement_reports import arrivals, cells, gateway_lock, report_files
from shared.settlement_reports.arrivals import NewArrival
from shared.settlement_reports.report_files import Column, Columns, Row

COLUMNS: Final[Columns] = {
    "day": Column(("Date", "Tanggal", "Tgl", "Transaction Date", "Posting Date", "Post Date", "Value Date",
        "Tanggal Transaksi")),
    "description": Column(("Description", "Keterangan", "Remark", "Remarks", "Uraian", "Rincian Transaksi", "Details",
        "Deskripsi", "Transaction Description")),
    "amount": Column(("Credit", "Kredit", "Credit Amount", "Amount", "Jumlah", "Mutasi", "Nominal")),
    "side": Column(("Type", "Tipe", "DB/CR", "CR/DB", "D/K", "Debit or Credit"), is_required=False),
    "reference": Column(("Reference", "Reference No", "No. Referensi", "No Ref"), is_required=False),
}  # fmt: skip
_DEBITS: Final = frozenset({"db", "dr", "d", "debit", "debet"})


class StatementResult(ResponseModel):
    """The number of a bank statement's rows that were entered, known, or of others."""

    entered: int
    known: int
    of_others: int


def import_statement(tx: Transaction, content: bytes, *, by: UUID) -> StatementResult:
    """Enter a statement's arrivals and match them, all or none. Raises the problems in `formats.PROBLEMS`."""
    _, table = report_files.read(content, {"bank-statement": COLUMNS})
    found = [arrival for arrival in report_files.each(table.rows, _arrival) if arrival]
    for gateway in sorted({each.gateway for each in found}):
        gateway_lock.acquire(tx, gateway)
    seen: Counter[NewArrivalKey] = Counter()
    entered = 0
    for each in found:
        seen[_key(each)] += 1
        entered += arrivals.add(tx, each, occurrence=seen[_key(each)], by=by) is not None
    for gateway in sorted({each.gateway for each in found}):
        arrivals.match_waiting(tx, gateway)
    return StatementResult(entered=entered, known=len(found) - entered, of_others=len(table.rows) - len(found))


NewArrivalKey = tuple[str, str, int, str]
"""The columns by which two rows of a statement are equal."""


def _key(arrival: NewArrival) -> NewArrivalKey:
    return arrival.gateway, str(arrival.arrived_on), arrival.amount, arrival.reference


def _arrival(row: Row) -> NewArrival | None:
    """The arrival in a row; None where it is nobody's of the gateways, or a debit."""
    words = f"{row.text('description')} {row.text('reference')}".casefold()
    gateway = next((name for name in NAMES if name in words), None)
    amount = row.amount("amount")
    if gateway is None or amount <= 0 or _is_debit(row):
        return None
    reference = " ".join(f"{row.text('description')} {row.text('reference')}".split())[:200]
    given = {"gateway": gateway, "arrived_on": row.day("day"), "amount": amount, "reference": reference}
    try:
        return NewArrival.model_validate(given)
    except ValidationError:
        return row.refuse("description")


def _is_debit(row: Row) -> bool:
    if row.text("side"):
        return report_files.normalized(row.text("side")) in _DEBITS
    return cells.side(row.text("amount")) == "debit"
