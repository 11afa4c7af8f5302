"""Xendit's reports: the transactions report (a row for each transaction) and the balance report (a row for each part).

Both name a transaction by the same id, so a line that comes in both is one. Facts: docs/reference/gateways.md.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Final

from shared.settlement_reports import costs, report_files
from shared.settlement_reports.lines import Keys, Line, LineKind, Report
from shared.settlement_reports.report_files import Column, Columns, Row, Table

GATEWAY: Final = "xendit"
TRANSACTIONS: Final = "xendit-transactions"
BALANCE: Final = "xendit-balance"
TRANSACTIONS_COLUMNS: Final[Columns] = {
    "status": Column(("Status",)),
    "type": Column(("Type",)),
    "transaction_id": Column(("Transaction ID",)),
    "reference": Column(("Reference",)),
    "currency": Column(("Currency",)),
    "amount": Column(("Amount",)),
    "fee": Column(("Total Fee", "Fee")),
    "tax": Column(("Total VAT", "VAT")),
    "created": Column(("Timestamp - Created", "Created Date ISO", "Created Date")),
    "net": Column(("Net Amount",), is_required=False),
    "invoice": Column(("Invoice ID",), is_required=False),
    "channel": Column(("Channel Name",), is_required=False),
    "channel_class": Column(("Channel",), is_required=False),
    "settlement_status": Column(("Settlement Status",), is_required=False),
    "settled": Column(("Actual Settlement Time", "Timestamp - Settled"), is_required=False),
    "updated": Column(("Timestamp - Updated",), is_required=False),
    "zone": Column(("Timezone", "Time Zone"), is_required=False),
}
BALANCE_COLUMNS: Final[Columns] = {
    "type": Column(("Transaction Type",)),
    "part": Column(("Line Type",)),
    "transaction_id": Column(("Transaction ID",)),
    "reference": Column(("Reference",)),
    "currency": Column(("Currency",)),
    "amount": Column(("Amount",)),
    "side": Column(("Debit or Credit",)),
    "created": Column(("Created Date ISO", "Created Date")),
    "channel": Column(("Payment Channel",), is_required=False),
    "settled": Column(("Settlement Date",), is_required=False),
    "completed": Column(("Completed Date",), is_required=False),
    "invoice": Column(("Invoice ID",), is_required=False),
    "zone": Column(("Time Zone", "Timezone"), is_required=False),
}
_SUCCESSFUL: Final = frozenset({"SUCCESS", "SUCCESSFUL", "SETTLED", "COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"})
_SETTLED: Final = frozenset({"", "SETTLED", "EARLY SETTLED"})
_KINDS: Final = (
    ("chargeback", LineKind.CHARGEBACK),
    ("refund", LineKind.REFUND),
    ("withdrawal", LineKind.WITHDRAWAL),
    ("disbursement", LineKind.TRANSFER),
    ("payout", LineKind.TRANSFER),
    ("payment", LineKind.PAYMENT),
)
_OUT: Final = frozenset({LineKind.REFUND, LineKind.TRANSFER, LineKind.WITHDRAWAL, LineKind.CHARGEBACK})
_OUT_WORDS: Final = frozenset({"deduct", "deduction", "debit", "fee", "vat", "hold", "out", "repayment"})
_REVERSED: Final = " reversal"


@dataclass(frozen=True)
class _Part:
    """A row of the balance report: the transaction itself, its fee or its tax, signed as it moved our balance."""

    row: Row
    part: str
    is_reversal: bool
    amount: int


def read_transactions(table: Table) -> Report:
    """The lines of a transactions report. Raises ReportRowsUnreadable."""
    left_out: Counter[str] = Counter()
    keys = Keys()

    def line_of(row: Row) -> Line | None:
        reason = _unsettled(row)
        if reason:
            left_out[reason] += 1
            return None
        return _transaction(row, keys)

    lines = [line for line in report_files.each(table.rows, line_of) if line]
    return _report(TRANSACTIONS, table, lines, left_out)


def read_balance(table: Table) -> Report:
    """The lines of a balance report: the parts of a transaction together. Raises ReportRowsUnreadable."""
    groups: dict[tuple[str, bool], list[_Part]] = {}
    for part in report_files.each(table.rows, _part):
        groups.setdefault((part.row.text("transaction_id"), part.is_reversal), []).append(part)
    keys = Keys()
    lines = [line for parts in groups.values() for line in _of_parts(parts, keys)]
    return _report(BALANCE, table, lines, {})


def _report(name: str, table: Table, lines: Sequence[Line], left_out: Mapping[str, int]) -> Report:
    return Report(
        name,
        GATEWAY,
        lines,
        rows_read=len(table.rows),
        left_out=dict(left_out),
        columns_ignored=table.ignored,
        amounts_rounded=sum(len(row.roundings) for row in table.rows),
    )


def _unsettled(row: Row) -> str | None:
    """The reason why a row has moved no money of ours: its status, as the report says it."""
    status = row.required("status").upper()
    if status not in _SUCCESSFUL:
        return status.lower()
    settlement = row.text("settlement_status").upper().replace("_", " ")
    return None if settlement in _SETTLED else f"settlement {settlement.lower()}"


def _transaction(row: Row, keys: Keys) -> Line:
    _check_currency(row)
    kind, gross = _kind(row.required("type")), row.amount("amount")
    if kind in _OUT or (kind is LineKind.ADJUSTMENT and _is_out(row.text("type"))):
        gross = -abs(gross)
    kept = costs.read(row, kind, gross)
    line = Line(
        key=keys.next(row.required("transaction_id")),
        row_number=row.number,
        kind=kind,
        reference=row.first("reference", "invoice", "transaction_id"),
        gross=gross,
        fee=kept.fee,
        tax=kept.tax,
        settled_at=row.moment("settled", "updated", "created", zone=row.zone("zone", UTC)),
        channel=row.first("channel", "channel_class"),
        invoice=row.text("invoice"),
        stated_net=kept.stated_net,
    )
    if line.stated_net is None or abs(line.stated_net) != abs(line.net):
        return line
    return _with_sign_of_net(line)


def _with_sign_of_net(line: Line) -> Line:
    """The line with its stated net as money out is negative, however the report writes it."""
    return Line(**{**vars(line), "stated_net": line.net})


def _part(row: Row) -> _Part:
    _check_currency(row)
    row.required("transaction_id")
    words = report_files.normalized(row.required("part"))
    part = words.removesuffix(_REVERSED)
    if part not in ("transaction", "fee", "vat"):
        row.refuse("part")
    side = row.required("side").upper()
    if side not in ("DEBIT", "CREDIT"):
        row.refuse("side")
    amount = abs(row.amount("amount"))
    row.moment("settled", "completed", "created", zone=row.zone("zone", UTC))
    return _Part(row, part, words.endswith(_REVERSED), amount if side == "CREDIT" else -amount)


def _of_parts(parts: Sequence[_Part], keys: Keys) -> list[Line]:
    """The line of a transaction with its fee and its tax; a second transaction under the same id is a line more."""
    whole = [each for each in parts if each.part == "transaction"]
    fee, tax = (-sum(each.amount for each in parts if each.part == name) for name in ("fee", "vat"))
    if not whole:
        return [_detached_fee(parts[0], keys, fee, tax)]
    lines = [_balance_line(whole[0], keys, whole[0].amount, fee, tax)]
    return lines + [_balance_line(each, keys, each.amount, 0, 0) for each in whole[1:]]


def _detached_fee(head: _Part, keys: Keys, fee: int, tax: int) -> Line:
    """A fee without its transaction, which is in the report of another day."""
    line = _balance_line(head, keys, 0, fee, tax)
    key = keys.next(f"{line.key}:fee")
    return Line(**{**vars(line), "key": key, "kind": LineKind.ADJUSTMENT, "detached_from": line.key})


def _balance_line(head: _Part, keys: Keys, gross: int, fee: int, tax: int) -> Line:
    row = head.row
    kind = _kind(row.required("type"))
    is_reversal = head.is_reversal and kind in (LineKind.PAYMENT, LineKind.REFUND, LineKind.TRANSFER)
    transaction_id = row.text("transaction_id")
    return Line(
        key=keys.next(f"{transaction_id}:reversal" if head.is_reversal else transaction_id),
        row_number=row.number,
        kind=LineKind.REVERSAL if is_reversal else kind,
        reference=row.first("reference", "invoice", "transaction_id"),
        gross=gross,
        fee=fee,
        tax=tax,
        settled_at=row.moment("settled", "completed", "created", zone=row.zone("zone", UTC)),
        channel=row.text("channel"),
        invoice=row.text("invoice"),
    )


def _check_currency(row: Row) -> None:
    if row.required("currency").upper() != "IDR":
        row.refuse("currency")


def _kind(written: str) -> LineKind:
    words = report_files.normalized(written).split()
    return next((kind for word, kind in _KINDS if word in words), LineKind.ADJUSTMENT)


def _is_out(written: str) -> bool:
    return not _OUT_WORDS.isdisjoint(report_files.normalized(written).split())
