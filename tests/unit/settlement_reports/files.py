"""Report files, written as the gateways' dashboards write them, or a little differently."""

import csv
import io
from collections.abc import Mapping, Sequence

TRANSACTION = {
    "Status": "SUCCESS",
    "Type": "PAYMENT",
    "Channel": "QR_CODE",
    "Channel Name": "QRIS",
    "Account Number": "",
    "Currency": "IDR",
    "Amount": "100000",
    "Total Fee": "700",
    "Total VAT": "77",
    "Net Amount": "99223",
    "Reference": "order-1",
    "Transaction ID": "txn-1",
    "Invoice ID": "inv-1",
    "Product ID": "qr-1",
    "Payment Date": "2026-11-20T03:00:00Z",
    "Timestamp - Created": "2026-11-20T03:00:00Z",
    "Timestamp - Updated": "2026-11-20T03:00:00Z",
    "Estimated Settlement Time": "2026-11-22T03:00:00Z",
    "Actual Settlement Time": "2026-11-22T03:00:00Z",
    "Timezone": "+0000 UTC",
    "Description": "Tiket",
    "Channel Reference": "",
    "Settlement Status": "Settled",
}
"""A row of Xendit's transactions report, version 2."""
PART = {
    "Product ID": "qr-1",
    "Transaction ID": "txn-1",
    "Transaction Type": "PAYMENT",
    "Line Type": "TRANSACTION",
    "Payment Channel": "QRIS",
    "Reference": "order-1",
    "Currency": "IDR",
    "Amount": "100000",
    "Balance": "100000",
    "Debit or Credit": "CREDIT",
    "Created Date ISO": "2026-11-20T03:00:00Z",
    "Time Zone": "+0000 UTC",
    "Created Date": "2026-11-20T03:00:00Z",
    "Payment Date": "2026-11-20T03:00:00Z",
    "Settlement Date": "2026-11-22T03:00:00Z",
    "Completed Date": "2026-11-22T03:00:00Z",
    "Invoice ID": "inv-1",
}
"""A row of Xendit's balance report."""
MIDTRANS = {
    "Date Created": "2026-11-20 10:00:00",
    "Order ID": "order-1",
    "Transaction Type": "Payment",
    "Channel": "QRIS",
    "Status": "settlement",
    "Reference Id": "",
    "Amount": "100000.00",
    "Total Fee": "777",
    "Notes": "",
    "Customer name": "Siti Rahma",
    "Customer e-mail": "siti@example.com",
    "Transaction time": "2026-11-20 10:00:00",
    "Settlement time": "2026-11-22 10:00:00",
    "Settlement Date": "2026-11-22",
}
"""A row of Midtrans's transactions report."""
STATEMENT = {"Tanggal": "23/11/2026", "Keterangan": "TRSF E-BANKING CR XENDIT 998877", "Kredit": "99.223,00"}
"""A row of a bank statement."""


def parts(
    key: str = "txn-1", amount: int = 100_000, fee: int = 700, tax: int = 77, **more: str
) -> list[dict[str, str]]:
    """A transaction of the balance report with its fee and tax."""
    whole = {**PART, "Transaction ID": key, "Amount": str(amount), **more}
    kept = [("FEE", fee), ("VAT", tax)]
    rows = [
        {**whole, "Line Type": name, "Amount": str(value), "Debit or Credit": "DEBIT"} for name, value in kept if value
    ]
    return [whole, *rows]


def written(
    rows: Sequence[Mapping[str, str]],
    *,
    separator: str = ",",
    encoding: str = "utf-8",
    quoting: int = csv.QUOTE_MINIMAL,
    preamble: str = "",
    order: Sequence[str] = (),
) -> bytes:
    """A CSV file of these rows, which have the same columns."""
    file = io.StringIO()
    names = list(order or rows[0])
    writer = csv.DictWriter(file, names, delimiter=separator, quoting=quoting, lineterminator="\r\n")  # type: ignore[arg-type]
    writer.writeheader()
    writer.writerows(rows)
    return (preamble + file.getvalue()).encode(encoding)
