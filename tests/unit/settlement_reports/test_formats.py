"""The gateways' reports as lines: odd files are read, and what can't be read is refused by name (CLEAR-1)."""

import csv
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.problems import Problem
from shared.settlement_reports import formats
from shared.settlement_reports.lines import Line, LineKind, Report
from shared.settlement_reports.report_files import (
    MAX_ROWS,
    ReportColumnsMissing,
    ReportRowsUnreadable,
    ReportTooLong,
    ReportUnknown,
    ReportUnreadable,
)
from tests.unit.settlement_reports.files import MIDTRANS, PART, TRANSACTION, parts, written

SETTLED_AT = datetime(2026, 11, 22, 3, tzinfo=UTC)


def only(report: Report) -> Line:
    [line] = report.lines
    return line


def money(line: Line) -> tuple[int, int, int, int]:
    return line.gross, line.fee, line.tax, line.net


def refused(content: bytes, problem: type[Problem]) -> Mapping[str, Any]:
    with pytest.raises(problem) as refusal:
        formats.read(content)
    return refusal.value.members


SHUFFLED = tuple(reversed(TRANSACTION))
TRANSACTIONS = {
    "as it comes": written([TRANSACTION]),
    "columns in another order": written([TRANSACTION], order=SHUFFLED),
    "unknown columns": written([{"New": "1", **TRANSACTION, "Other": "x,y"}]),
    "byte order mark": written([TRANSACTION], encoding="utf-8-sig"),
    "UTF-16": written([TRANSACTION], encoding="utf-16"),
    "windows": written([{**TRANSACTION, "Description": "Café"}], encoding="cp1252"),
    "semicolons": written([{**TRANSACTION, "Amount": "100.000,00"}], separator=";"),
    "tabs": written([TRANSACTION], separator="\t"),
    "all quoted": written([{**TRANSACTION, "Amount": "100,000.00"}], quoting=csv.QUOTE_ALL),
    "titles above the header": written([TRANSACTION], preamble='Transactions report\r\n"Nov 2026, all"\r\n\r\n'),
    "a line for Excel": written([TRANSACTION], separator=";", preamble="sep=;\r\n"),
    "empty lines below": written([TRANSACTION]) + b"\r\n,,,\r\n\r\n",
    "names in other letters": written([{name.upper(): value for name, value in TRANSACTION.items()}]),
    "a line break in a cell": written([{**TRANSACTION, "Description": "two\r\nlines"}]),
    "version 1 of the report": written(
        [{{"Total Fee": "Fee", "Total VAT": "VAT"}.get(name, name): value for name, value in TRANSACTION.items()}]
    ),
    "times of the dashboard": written(
        [{**TRANSACTION, "Actual Settlement Time": "2026-11-22 10:00:00", "Timezone": "+0700"}]
    ),
}


@pytest.mark.parametrize("name", TRANSACTIONS)
def test_a_transactions_report_is_read_however_it_is_written(name: str):
    report = formats.read(TRANSACTIONS[name])
    line = only(report)
    assert (report.name, report.gateway, report.rows_read) == ("xendit-transactions", "xendit", 1)
    assert money(line) == (100_000, 700, 77, 99_223)
    assert (line.key, line.kind, line.reference, line.invoice) == ("txn-1", LineKind.PAYMENT, "order-1", "inv-1")
    assert (line.settled_at, line.channel, line.stated_net) == (SETTLED_AT, "QRIS", 99_223)


def test_columns_that_nobody_needs_are_named_and_their_cells_are_not_kept():
    report = formats.read(written([{**TRANSACTION, "Account Number": "880812345"}]))
    assert "Account Number" in report.columns_ignored
    assert "880812345" not in repr(report)


def test_the_parts_of_a_balance_report_are_one_line_with_the_same_key():
    report = formats.read(written(parts()))
    line = only(report)
    assert (report.name, report.rows_read, line.key) == ("xendit-balance", 3, "txn-1")
    assert (money(line), line.settled_at) == ((100_000, 700, 77, 99_223), SETTLED_AT)


def test_a_transaction_that_came_back_is_a_line_of_its_own():
    sent = parts("t", 50_000, 5_000, 550, **{"Transaction Type": "DISBURSEMENT", "Debit or Credit": "DEBIT"})
    back = [{**row, "Line Type": f"{row['Line Type']}_REVERSAL", "Debit or Credit": "CREDIT"} for row in sent]
    first, second = formats.read(written([*sent, *back])).lines
    assert (first.kind, money(first)) == (LineKind.TRANSFER, (-50_000, 5_000, 550, -55_550))
    assert (second.kind, second.key, money(second)) == (LineKind.REVERSAL, "t:reversal", (50_000, -5_000, -550, 55_550))


def test_a_fee_whose_transaction_is_in_another_report_is_kept_apart():
    line = only(formats.read(written(parts()[1:])))
    assert (line.kind, line.key, line.detached_from) == (LineKind.ADJUSTMENT, "txn-1:fee", "txn-1")
    assert money(line) == (0, 700, 77, -777)


@pytest.mark.parametrize("rows", [[TRANSACTION, TRANSACTION], [*parts(), PART]])
def test_a_transaction_that_stands_there_twice_is_two_lines(rows: list[dict[str, str]]):
    assert [line.key for line in formats.read(written(rows)).lines] == ["txn-1", "txn-1#2"]


@pytest.mark.parametrize(
    ("given", "kind", "gross"),
    [
        ("REFUND", LineKind.REFUND, -100_000),
        ("DISBURSEMENT", LineKind.TRANSFER, -100_000),
        ("BATCH_DISBURSEMENT", LineKind.TRANSFER, -100_000),
        ("WITHDRAWAL", LineKind.WITHDRAWAL, -100_000),
        ("CHARGEBACK", LineKind.CHARGEBACK, -100_000),
        ("ADJUSTMENT_ADD", LineKind.ADJUSTMENT, 100_000),
        ("ADJUSTMENT_DEDUCT", LineKind.ADJUSTMENT, -100_000),
        ("LOAN_REPAYMENT", LineKind.ADJUSTMENT, -100_000),
        ("SOMETHING_NEW", LineKind.ADJUSTMENT, 100_000),
    ],
)
def test_money_out_is_negative_however_the_report_signs_it(given: str, kind: LineKind, gross: int):
    row = {**TRANSACTION, "Type": given, "Total Fee": "0", "Total VAT": "0", "Net Amount": "100000"}
    for amount in {100_000, gross}:
        line = only(formats.read(written([{**row, "Amount": str(amount)}])))
        assert (line.kind, line.gross, line.stated_net) == (kind, gross, gross)


NEGATIVE = {"Total Fee": "-700", "Total VAT": "-77"}
REFUNDED = {"Type": "REFUND", **NEGATIVE}
AT_MIDTRANS = {**MIDTRANS, "Total Fee": "-777"}


@pytest.mark.parametrize(
    ("row", "kept", "net"),
    [
        ({**TRANSACTION, **NEGATIVE}, 777, 99_223),
        ({**TRANSACTION, **NEGATIVE, "Net Amount": "100777"}, -777, 100_777),
        ({**TRANSACTION, **NEGATIVE, "Net Amount": ""}, 777, 99_223),
        ({**TRANSACTION, **NEGATIVE, "Total VAT": "77"}, 777, 99_223),
        ({**TRANSACTION, **NEGATIVE, "Total Fee": "-699.65", "Net Amount": "99223.35"}, 777, 99_223),
        ({**TRANSACTION, **REFUNDED, "Net Amount": "-100777"}, 777, -100_777),
        ({**TRANSACTION, **REFUNDED, "Net Amount": "100777"}, 777, -100_777),
        ({**TRANSACTION, **REFUNDED, "Net Amount": "-99223"}, -777, -99_223),
        ({**TRANSACTION, **REFUNDED, "Net Amount": "99223"}, -777, -99_223),
        ({**TRANSACTION, **NEGATIVE, "Type": "ADJUSTMENT_ADD", "Amount": "0", "Net Amount": "777"}, -777, 777),
        (AT_MIDTRANS, 777, 99_223),
        ({**AT_MIDTRANS, "Net Amount": "99223"}, 777, 99_223),
        ({**AT_MIDTRANS, "Transaction Type": "Refund", "Net Amount": "-99223"}, -777, -99_223),
    ],
)
def test_a_negative_fee_is_a_cost_or_was_given_back_as_the_net_says(row: dict[str, str], kept: int, net: int):
    line = only(formats.read(written([row])))
    assert (line.fee + line.tax, line.net) == (kept, net)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"Status": "PENDING"}, "pending"),
        ({"Status": "FAILED"}, "failed"),
        ({"Status": "REVERSED"}, "reversed"),
        ({"Settlement Status": "Pending"}, "settlement pending"),
        ({"Status": "BRAND_NEW"}, "brand_new"),
    ],
)
def test_what_has_moved_no_money_is_left_out_and_counted(changed: dict[str, str], reason: str):
    report = formats.read(written([TRANSACTION, {**TRANSACTION, "Transaction ID": "txn-2", **changed}]))
    assert (len(report.lines), report.left_out) == (1, {reason: 1})


def test_midtranss_report_is_read_in_jakartas_time():
    report = formats.read(written([MIDTRANS, {**MIDTRANS, "Order ID": "order-2", "Status": "expire"}]))
    line = only(report)
    assert (report.name, report.gateway, report.left_out) == ("midtrans-transactions", "midtrans", {"expire": 1})
    assert (line.key, line.kind, line.reference) == ("payment:order-1", LineKind.PAYMENT, "order-1")
    assert (money(line), line.settled_at) == ((100_000, 777, 0, 99_223), SETTLED_AT)
    assert {"Customer name", "Customer e-mail"} <= set(report.columns_ignored)


def test_two_refunds_of_one_order_at_midtrans_are_two_lines():
    refund = {**MIDTRANS, "Transaction Type": "Refund", "Total Fee": "0", "Amount": "10000"}
    later = {**refund, "Settlement time": "2026-11-23 10:00:00"}
    lines = formats.read(written([refund, later, later])).lines
    assert [line.gross for line in lines] == [-10_000] * 3
    assert len({line.key for line in lines}) == 3


def test_fractions_of_a_rupiah_are_counted():
    report = formats.read(written([{**TRANSACTION, "Total Fee": "700.35", "Net Amount": "99222.65"}]))
    assert (only(report).fee, report.amounts_rounded) == (700, 2)


def without(row: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in row.items() if name not in names}


@pytest.mark.parametrize(
    ("row", "missing"),
    [
        (without(TRANSACTION, "Total VAT"), ["Total VAT"]),
        (without(TRANSACTION, "Transaction ID", "Amount"), ["Transaction ID", "Amount"]),
        (without(PART, "Debit or Credit"), ["Debit or Credit"]),
        (without(MIDTRANS, "Total Fee"), ["Total Fee"]),
    ],
)
def test_a_required_column_that_is_missing_is_named(row: dict[str, str], missing: list[str]):
    assert refused(written([row]), ReportColumnsMissing)["columns"] == missing


def test_a_required_column_that_stands_there_twice_is_named():
    content = written([TRANSACTION]).replace(b"Description", b"Amount", 1)
    assert refused(content, ReportColumnsMissing)["columns"] == ["amount"]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ({**TRANSACTION, "Amount": "lots"}, "Amount"),
        ({**TRANSACTION, "Total Fee": "1.5.0"}, "Total Fee"),
        ({**TRANSACTION, "Currency": "USD"}, "Currency"),
        ({**TRANSACTION, "Transaction ID": ""}, "Transaction ID"),
        ({**TRANSACTION, "Status": ""}, "Status"),
        ({**TRANSACTION, "Actual Settlement Time": "soon"}, "Actual Settlement Time"),
        ({**TRANSACTION, "Timezone": "Mars"}, "Timezone"),
        ({**TRANSACTION, **REFUNDED, "Net Amount": ""}, "Total Fee"),
        ({**TRANSACTION, **REFUNDED, "Total Fee": "700", "Net Amount": "-"}, "Total VAT"),
        ({**AT_MIDTRANS, "Transaction Type": "Refund"}, "Total Fee"),
        ({**PART, "Line Type": "GIFT"}, "Line Type"),
        ({**PART, "Debit or Credit": "BOTH"}, "Debit or Credit"),
        ({**MIDTRANS, "Order ID": ""}, "Order ID"),
    ],
)
def test_a_cell_that_cannot_be_read_refuses_the_file_by_row_and_column(row: dict[str, str], column: str):
    good = TRANSACTION if "Type" in row else PART if "Line Type" in row else MIDTRANS
    content = written([good, row])
    assert refused(content, ReportRowsUnreadable)["rows"] == [{"row": 3, "column": column}]


def test_a_row_that_was_cut_off_refuses_the_file():
    content = written([TRANSACTION, TRANSACTION]).rsplit(b",", 4)[0]
    assert [each["row"] for each in refused(content, ReportRowsUnreadable)["rows"]] == [3]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", ReportUnreadable),
        (b"\r\n \r\n", ReportUnreadable),
        (b"\x89PNG\r\n\x1a\n\x00\x00", ReportUnreadable),
        (b'PK\x03\x04\x00\x00"xlsx', ReportUnreadable),
        (written([TRANSACTION]) + b'"never closed', ReportUnreadable),
        (b"name,city\r\nSiti,Jakarta\r\n", ReportUnknown),
        (b"<html><body>Please sign in</body></html>", ReportUnknown),
    ],
)
def test_what_is_no_report_is_refused(content: bytes, problem: type[Problem]):
    refused(content, problem)


def test_a_report_that_is_too_long_is_refused():
    refused(written([MIDTRANS]) + b"x\r\n" * (MAX_ROWS + 1), ReportTooLong)


def test_a_report_without_rows_has_no_lines():
    assert formats.read(written([TRANSACTION]).splitlines(keepends=True)[0]).lines == []
