"""Paid orders at the gateways as our books have them, and looks at what reports made of them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from shared.accounting import ledger
from shared.accounting.ledger import Sale
from shared.cloud import clock
from shared.cloud.database import transaction
from shared.settlement_reports import imports
from shared.settlement_reports.batches import BatchResponse
from tests.factories import a_user, an_event, an_order
from tests.integration.refunds.steps import rows
from tests.unit.settlement_reports.files import MIDTRANS, TRANSACTION

AMOUNT = 102_500
FEE, TAX = 718, 79
"""Of 0.7 %, and 11 % on it."""


@dataclass(frozen=True)
class Paid:
    """A payment that came in and is booked."""

    id: UUID
    order_id: UUID
    gateway: str
    external_id: str
    invoice: str

    def row(self, **changed: Any) -> dict[str, str]:
        """Its row in its gateway's transactions report."""
        if self.gateway == "midtrans":
            own = {"Order ID": self.external_id, "Amount": AMOUNT, "Total Fee": FEE + TAX}
            return {name: str(value) for name, value in {**MIDTRANS, **times_of_midtrans(), **own, **changed}.items()}
        own = {
            "Reference": self.external_id,
            "Transaction ID": f"txn-{self.external_id}",
            "Invoice ID": self.invoice,
            "Amount": AMOUNT,
            "Total Fee": FEE,
            "Total VAT": TAX,
            "Net Amount": AMOUNT - FEE - TAX,
            "Actual Settlement Time": settled_at().isoformat(),
        }
        return {name: str(value) for name, value in {**TRANSACTION, **own, **changed}.items()}


def settled_at(days_ago: float = 0) -> datetime:
    """When a line was settled."""
    return clock.now() - timedelta(days=days_ago)


def times_of_midtrans() -> dict[str, str]:
    """The times of a row of Midtrans's report, of today in Jakarta."""
    local = settled_at() + timedelta(hours=7)
    return {"Settlement time": f"{local:%Y-%m-%d %H:%M:%S}", "Settlement Date": f"{local:%Y-%m-%d}"}


def a_payment(gateway: str = "xendit", *, received: int = AMOUNT, booked: bool = True) -> Paid:
    """An order that was paid by QRIS."""
    order = an_order(paid=True)
    external_id, invoice = f"{order.id}-1", uuid4().hex[:24]
    with transaction() as tx:
        payment_id = tx.execute(
            text("""
                INSERT INTO payments (order_id, attempt, gateway, external_id, gateway_reference, payment_method,
                    status, amount, received_amount, paid_at, expires_at)
                VALUES (:order_id, 1, :gateway, :external_id, :invoice, 'QRIS', 'paid', :received, :received, now(),
                    now()) RETURNING id
            """),
            {
                "order_id": order.id,
                "gateway": gateway,
                "external_id": external_id,
                "invoice": invoice,
                "received": received,
            },
        ).scalar_one()
        if booked:
            organizer = tx.execute(
                text("SELECT organizer_id FROM orders WHERE id = :id"), {"id": order.id}
            ).scalar_one()
            sale = Sale(order.id, organizer, gateway, received, order.platform_fee, received)
            ledger.post_sale(tx, payment_id, sale)
    return Paid(payment_id, order.id, gateway, external_id, invoice)


def an_admin() -> UUID:
    """An admin."""
    with transaction() as tx:
        return a_user(tx, role="admin").id


def imported(content: bytes, by: UUID) -> BatchResponse:
    """Import a report."""
    with transaction() as tx:
        return imports.import_report(tx, content, by=by)


def differences(**where: Any) -> list[tuple[str, int, int]]:
    """The kind and the two amounts of each difference, as of a batch or a payment."""
    wanted = " AND ".join(f"{name} = :{name}" for name in where) or "true"
    query = f"SELECT kind, expected, found FROM settlement_differences WHERE {wanted} ORDER BY kind, expected, found"
    return [(row.kind, row.expected, row.found) for row in rows(query, **where)]


def accounts(reference_id: UUID) -> dict[str, int]:
    """The entries of the postings about something."""
    query = """
        SELECT e.account, sum(e.amount) AS amount FROM ledger_postings p JOIN ledger_entries e ON e.posting_id = p.id
        WHERE p.reference_id = :id GROUP BY e.account
    """
    return {row.account: int(row.amount) for row in rows(query, id=reference_id)}


def totals() -> dict[str, int]:
    """The balance of each account of gateways and bank, and the sum of all postings."""
    query = """
        SELECT split_part(account, ':', 1) AS account, sum(amount) AS amount FROM ledger_entries GROUP BY 1
        UNION ALL SELECT 'all', COALESCE(sum(amount), 0) FROM ledger_entries
    """
    return {row.account: int(row.amount) for row in rows(query)}


def open_tasks() -> list[tuple[str, str]]:
    """The kind of difference and its id in each open task."""
    query = """
        SELECT details ->> 'difference' AS kind, subject_id FROM manual_tasks
        WHERE kind = 'settlement_difference' AND done_at IS NULL ORDER BY 1, 2
    """
    return [(row.kind, row.subject_id) for row in rows(query)]


__all__ = [
    "AMOUNT", "FEE", "TAX", "Paid", "a_payment", "accounts", "an_admin", "an_event", "differences", "imported",
    "open_tasks", "rows", "settled_at", "totals",
]  # fmt: skip
