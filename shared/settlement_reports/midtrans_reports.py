"""Midtrans's transactions report, as its dashboard exports it. Facts, and what is only concluded: docs/reference.

It has no id of a transaction, and no column for tax: all that is kept counts as fee, unless a column says otherwise.
"""

from collections import Counter
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from shared import local_time
from shared.settlement_reports import costs, report_files
from shared.settlement_reports.lines import Keys, Line, LineKind, Report
from shared.settlement_reports.report_files import Column, Columns, Row, Table

GATEWAY: Final = "midtrans"
TRANSACTIONS: Final = "midtrans-transactions"
COLUMNS: Final[Columns] = {
    "order_id": Column(("Order ID",)),
    "type": Column(("Transaction Type",)),
    "status": Column(("Status", "Transaction Status")),
    "amount": Column(("Amount", "Gross Amount")),
    "fee": Column(("Total Fee", "Fee", "Transaction Fee", "MDR")),
    "settled": Column(("Settlement Time", "Settlement Date")),
    "settlement_date": Column(("Settlement Date",), is_required=False),
    "transacted": Column(("Transaction Time", "Date Created"), is_required=False),
    "tax": Column(("Total VAT", "VAT", "PPN", "Tax", "Total Tax"), is_required=False),
    "net": Column(("Net Amount", "Settlement Amount", "Net"), is_required=False),
    "channel": Column(("Channel", "Payment Type", "Payment Method"), is_required=False),
    "reference": Column(("Reference Id", "Transaction ID"), is_required=False),
    "currency": Column(("Currency",), is_required=False),
    "zone": Column(("Timezone", "Time Zone"), is_required=False),
}
_SETTLED: Final = frozenset(
    {"settlement", "settled", "success", "successful", "capture", "completed", "refund", "partial refund"}
)
_KINDS: Final = (
    (("chargeback",), LineKind.CHARGEBACK),
    (("refund",), LineKind.REFUND),
    (("withdrawal", "withdraw", "penarikan"), LineKind.WITHDRAWAL),
    (("disbursement", "payout", "payouts"), LineKind.TRANSFER),
    (("payment", "payments", "pembayaran", "charge", "sale"), LineKind.PAYMENT),
)
_HOME: Final = ZoneInfo(local_time.HOME_ZONE)


def read(table: Table) -> Report:
    """The lines of the report. Raises ReportRowsUnreadable."""
    left_out: Counter[str] = Counter()
    keys = Keys()

    def line_of(row: Row) -> Line | None:
        status = report_files.normalized(row.required("status"))
        if status not in _SETTLED:
            left_out[status] += 1
            return None
        return _line(row, keys)

    lines = [line for line in report_files.each(table.rows, line_of) if line]
    return Report(
        TRANSACTIONS,
        GATEWAY,
        lines,
        rows_read=len(table.rows),
        left_out=dict(left_out),
        columns_ignored=table.ignored,
        amounts_rounded=sum(len(row.roundings) for row in table.rows),
        pays_out_daily=True,
    )


def _line(row: Row, keys: Keys) -> Line:
    if row.text("currency").upper() not in ("", "IDR"):
        row.refuse("currency")
    kind, amount = _kind(row.required("type")), row.amount("amount")
    gross = amount if kind in (LineKind.PAYMENT, LineKind.ADJUSTMENT) else -abs(amount)
    kept = costs.read(row, kind, gross)
    settled_at = row.moment("settled", "settlement_date", "transacted", zone=row.zone("zone", _HOME))
    line = Line(
        key=keys.next(_key(row, kind, gross, settled_at)),
        row_number=row.number,
        kind=kind,
        reference=row.required("order_id"),
        gross=gross,
        fee=kept.fee,
        tax=kept.tax,
        settled_at=settled_at,
        channel=row.text("channel"),
        stated_net=abs(kept.stated_net) if kept.stated_net is not None else None,
    )
    if line.stated_net is not None and line.net < 0:
        return Line(**{**vars(line), "stated_net": -line.stated_net})
    return line


def _key(row: Row, kind: LineKind, gross: int, settled_at: datetime) -> str:
    """The identity of a line: a payment's is its order, which is paid once; another's also its own id, or when it was.

    One that stands there twice is told apart by its number (`Keys`).
    """
    order = row.required("order_id")
    if kind is LineKind.PAYMENT:
        return f"payment:{order}"
    own = row.text("reference") or f"{abs(gross)}:{settled_at:%Y-%m-%dT%H:%M:%S}"
    return f"{kind}:{order}:{own}"


def _kind(written: str) -> LineKind:
    words = frozenset(report_files.normalized(written).split())
    return next((kind for names, kind in _KINDS if not words.isdisjoint(names)), LineKind.ADJUSTMENT)
