"""Settlement reports of the simulated gateways, and the statement of our bank, as CSV.

    GET  /{gateway}/reports/{name}.csv?differ=   xendit: balance, transactions; midtrans: transactions
    POST /{gateway}/withdrawals                  send the balance to our bank (Midtrans does so by itself, day by day)
    GET  /bank/statement.csv?differ=             what arrived there; short and over are told of the newest arrival

`differ` names errors, separated by commas (`settlement_entries`).
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, jsonify, redirect, request
from sqlalchemy import Connection, Engine
from werkzeug.wrappers import Response as AnyResponse

from infra.local.simulators import payments, settlement_entries
from infra.local.simulators.midtrans_documents import gmt7
from infra.local.simulators.settlement_entries import WITHDRAWAL, Entry
from infra.local.simulators.xendit_documents import iso
from shared import local_time

_HOME: Final = ZoneInfo(local_time.HOME_ZONE)
_TYPES: Final = {
    "payment": "PAYMENT",
    "refund": "REFUND",
    "reversal": "REFUND",
    "payout": "DISBURSEMENT",
    "payout_reversal": "DISBURSEMENT",
    WITHDRAWAL: "WITHDRAWAL",
}
_MIDTRANS_TYPES: Final = {
    "payment": "Payment",
    "refund": "Refund",
    "reversal": "Refund",
    "chargeback": "Chargeback",
    WITHDRAWAL: "Withdrawal",
}
_ARRIVAL_ERRORS: Final = {"short": -6_500, "over": 1}

_SAMPLE: Final = Entry("", "payment", "", "", 1, 0, 0, "", datetime(2026, 1, 1, tzinfo=UTC))
"""An entry by which a report without any knows its columns."""

Rows = list[dict[str, Any]]


def report_pages(gateway: str, engine: Engine) -> Blueprint:
    """The reports of one gateway, and the button that sends its balance to our bank."""
    pages = Blueprint(f"{gateway}_reports", __name__)

    @pages.get("/reports/<name>.csv")
    def report(name: str) -> Response:
        rows_of = _REPORTS.get((gateway, name)) or abort(404)
        with engine.connect() as tx:
            rows = rows_of(settlement_entries.read(tx, gateway, _errors()))
        return _csv(rows, list(rows_of([_SAMPLE])[0]), f"{gateway}-{name}.csv")

    @pages.post("/withdrawals")
    def withdraw() -> AnyResponse:
        with engine.begin() as tx:
            amount = settlement_entries.balance(tx, gateway)
            if amount > 0:
                number = f"WD{uuid4().hex[:12].upper()}"
                payments.note_movement(tx, gateway, WITHDRAWAL, number, number, -amount, datetime.now(UTC))
        return redirect("../", 303) if request.form else jsonify({"amount": max(amount, 0)})

    return pages


def bank_pages(engine: Engine) -> Blueprint:
    """The statement of our bank account."""
    pages = Blueprint("bank_reports", __name__)

    @pages.get("/statement.csv")
    def statement() -> Response:
        with engine.connect() as tx:
            rows = [*_xendit_arrivals(tx), *_midtrans_arrivals(tx)]
        errors = _errors()
        if rows:
            rows[-1]["Kredit"] += sum(change for name, change in _ARRIVAL_ERRORS.items() if name in errors)
        header = list(_arrival(date(2026, 1, 1), "", 0))
        return _csv(rows[:-1] if "missing" in errors else rows, header, "bank-statement.csv")

    return pages


def _xendit_arrivals(tx: Connection) -> Rows:
    sent = [each for each in settlement_entries.read(tx, "xendit") if each.kind == WITHDRAWAL]
    return [_arrival(each.at.astimezone(_HOME).date(), f"XENDIT {each.reference}", -each.amount) for each in sent]


def _midtrans_arrivals(tx: Connection) -> Rows:
    nets: dict[date, int] = {}
    for each in settlement_entries.read(tx, "midtrans"):
        day = each.at.astimezone(_HOME).date()
        nets[day] = nets.get(day, 0) + each.net
    return [_arrival(day, f"MIDTRANS PAYOUT {day:%Y%m%d}", net) for day, net in sorted(nets.items()) if net > 0]


def _arrival(day: date, words: str, amount: int) -> dict[str, Any]:
    return {
        "Tanggal": f"{day:%d/%m/%Y}",
        "Keterangan": f"TRSF E-BANKING CR {words}",
        "Cabang": "0000",
        "Kredit": amount,
    }


def _errors() -> frozenset[str]:
    return frozenset(request.args.get("differ", "").split(","))


def _balance(entries: Iterable[Entry]) -> Rows:
    """Xendit's balance report: a row for a transaction, one for its fee, one for its tax."""
    rows: Rows = []
    balance = 0
    for each in entries:
        for part, amount in (("TRANSACTION", each.amount), ("FEE", -each.fee), ("VAT", -each.tax)):
            if amount:
                balance += amount
                rows.append(_balance_row(each, part, amount, balance))
    return rows


def _balance_row(each: Entry, part: str, amount: int, balance: int) -> dict[str, Any]:
    return {
        "Product ID": each.reference,
        "Transaction ID": each.key,
        "Transaction Type": _TYPES[each.kind],
        "Line Type": part,
        "Payment Channel": each.channel,
        "Reference": each.external_id,
        "Currency": "IDR",
        "Amount": abs(amount),
        "Balance": balance,
        "Debit or Credit": "CREDIT" if amount > 0 else "DEBIT",
        "Created Date ISO": iso(each.at),
        "Time Zone": "+0000 UTC",
        "Created Date": iso(each.at),
        "Payment Date": iso(each.at),
        "Settlement Date": iso(each.at) if each.kind == "payment" else "",
        "Completed Date": iso(each.at),
        "Bank Code": "",
        "Account Number": "",
        "Channel Reference": "",
        "Name": "",
        "Description": "",
        "Invoice ID": each.reference if each.kind == "payment" else "",
    }


def _transactions(entries: Iterable[Entry]) -> Rows:
    """Xendit's transactions report, version 2. A transfer that came back is one row that says so."""
    listed = list(entries)
    came_back = {each.external_id for each in listed if each.kind == "payout_reversal"}
    return [
        {
            "Status": "REVERSED" if each.kind == "payout" and each.external_id in came_back else "SUCCESS",
            "Type": _TYPES[each.kind],
            "Channel": "",
            "Channel Name": each.channel,
            "Account Number": "",
            "Currency": "IDR",
            "Amount": abs(each.amount),
            "Total Fee": each.fee,
            "Total VAT": each.tax,
            "Net Amount": each.net,
            "Reference": each.external_id,
            "Transaction ID": each.key,
            "Invoice ID": each.reference if each.kind == "payment" else "",
            "Product ID": each.reference,
            "Payment Date": iso(each.at),
            "Timestamp - Created": iso(each.at),
            "Timestamp - Updated": iso(each.at),
            "Estimated Settlement Time": iso(each.at),
            "Actual Settlement Time": iso(each.at),
            "Timezone": "+0000 UTC",
            "Description": "",
            "Channel Reference": "",
            "Settlement Status": "Settled" if each.amount > 0 else "",
        }
        for each in listed
        if each.kind != "payout_reversal"
    ]


def _midtrans_transactions(entries: Iterable[Entry]) -> Rows:
    """Midtrans's transactions report: the fee with its tax in one column."""
    return [
        {
            "Date Created": gmt7(each.at),
            "Order ID": each.external_id,
            "Transaction Type": _MIDTRANS_TYPES[each.kind],
            "Channel": each.channel,
            "Status": "settlement",
            "Reference Id": "" if each.kind == "payment" else each.key,
            "Amount": f"{abs(each.amount)}.00",
            "Total Fee": each.fee + each.tax,
            "Notes": "",
            "Customer name": "",
            "Transaction time": gmt7(each.at),
            "Settlement time": gmt7(each.at),
            "Settlement Date": f"{each.at.astimezone(_HOME):%Y-%m-%d}",
        }
        for each in entries
    ]


_REPORTS: Final[Mapping[tuple[str, str], Callable[[Iterable[Entry]], Rows]]] = {
    ("xendit", "balance"): _balance,
    ("xendit", "transactions"): _transactions,
    ("midtrans", "transactions"): _midtrans_transactions,
}


def _csv(rows: Rows, header: Sequence[str], filename: str) -> Response:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, header)
    writer.writeheader()
    writer.writerows(rows)
    headers = {"Content-Disposition": f'attachment; filename="{filename}"'}
    return Response(file.getvalue(), mimetype="text/csv", headers=headers)
