"""Bookings of the names in a report: the amounts that payments, refunds and transfers moved at a gateway."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.settlement_reports.lines import Line

_PAYMENTS = text("""
    SELECT id, order_id, external_id, gateway_reference, channel, payment_method FROM payments
    WHERE gateway = :gateway AND (external_id = ANY(CAST(:names AS text[]))
        OR gateway_reference = ANY(CAST(:names AS text[])))
    ORDER BY duplicate_of IS NOT NULL, created_at
""")
_REFUND_PAYMENTS = text("""
    SELECT CAST(r.id AS text) AS name, p.id, p.order_id, p.external_id, p.gateway_reference, p.channel, p.payment_method
    FROM refunds r JOIN payments p ON p.id = r.payment_id
    WHERE r.id = ANY(CAST(:ids AS uuid[]))
""")
_TRANSFERS = text("SELECT id FROM disbursements WHERE id = ANY(CAST(:ids AS uuid[]))")
_OF_PAYMENTS = text("""
    SELECT COALESCE(p.id, r.payment_id) AS payment_id, e.amount
    FROM ledger_postings l JOIN ledger_entries e ON e.posting_id = l.id  -- Uses index: ledger_postings_order
        LEFT JOIN payments p ON p.id = l.reference_id LEFT JOIN refunds r ON r.id = l.reference_id
    WHERE l.order_id = ANY(CAST(:order_ids AS uuid[])) AND e.account = 'gateway_clearing:' || :gateway
        AND COALESCE(p.id, r.payment_id) = ANY(CAST(:payment_ids AS uuid[]))
""")
_OF_TRANSFERS = text("""
    SELECT l.reference_id AS transfer_id, e.amount
    FROM ledger_postings l JOIN ledger_entries e ON e.posting_id = l.id
    WHERE l.kind IN ('disbursement_paid', 'disbursement_reversed', 'refund_paid_by_hand')
        AND l.reference_id = ANY(CAST(:ids AS uuid[])) AND e.account = 'gateway_clearing:' || :gateway
""")
_TAKEN = text("""
    SELECT payment_id, transfer_id, gross FROM settlement_lines  -- Uses index: settlement_lines_payment
    WHERE payment_id = ANY(CAST(:payment_ids AS uuid[]))
    UNION ALL
    SELECT payment_id, transfer_id, gross FROM settlement_lines
    WHERE gateway = :gateway AND reference = ANY(CAST(:names AS text[])) AND transfer_id IS NOT NULL
""")


@dataclass
class Booked:
    """A payment or a transfer of ours, and the amounts that it moved by our books and no line has told of yet."""

    payment_id: UUID | None = None
    order_id: UUID | None = None
    transfer_id: UUID | None = None
    channel: str = ""
    amounts: Counter[int] = field(default_factory=Counter)
    told: Counter[int] = field(default_factory=Counter)
    """The amounts that lines have told of."""

    def take(self, amount: int) -> bool:
        """Take an amount for a line; False where the books have none that is left."""
        is_there = self.amounts[amount] > self.told[amount]
        self.told[amount] += 1
        return is_there

    @property
    def received(self) -> int:
        """The rupiah that came in, by the books."""
        return sum(amount * count for amount, count in self.amounts.items() if amount > 0)


def of(tx: Transaction, gateway: str, lines: Iterable[Line]) -> Mapping[str, Booked]:
    """The bookings by each name of the lines that is ours: the references, or else the invoices."""
    names = sorted({name for line in lines for name in (line.reference, line.invoice) if name})
    found = _payments(tx, gateway, names) | _transfers(tx, names)
    _add_amounts(tx, gateway, found.values())
    _take_told(tx, gateway, names, found.values())
    return found


def find(booked: Mapping[str, Booked], line: Line) -> Booked | None:
    """The booking of a line's names."""
    return booked.get(line.reference) or booked.get(line.invoice)


def _payments(tx: Transaction, gateway: str, names: list[str]) -> dict[str, Booked]:
    rows = tx.execute(_PAYMENTS, {"gateway": gateway, "names": names}).all()
    of_refunds = tx.execute(_REFUND_PAYMENTS, {"ids": _ids(names)}).all()
    by_id: dict[UUID, Booked] = {}
    found: dict[str, Booked] = {}
    for row in (*rows, *of_refunds):
        payment = by_id.setdefault(row.id, _payment(row))
        own = (row.name,) if "name" in row._mapping else (row.external_id, row.gateway_reference)
        for name in own:
            if name:
                found.setdefault(name, payment)
    return found


def _payment(row: Any) -> Booked:
    return Booked(payment_id=row.id, order_id=row.order_id, channel=row.channel or row.payment_method)


def _transfers(tx: Transaction, names: list[str]) -> dict[str, Booked]:
    rows = tx.execute(_TRANSFERS, {"ids": _ids(names)})
    return {str(row.id): Booked(transfer_id=row.id) for row in rows}


def _add_amounts(tx: Transaction, gateway: str, found: Collection[Booked]) -> None:
    payments = {each.payment_id: each for each in found if each.payment_id}
    transfers = {each.transfer_id: each for each in found if each.transfer_id}
    values = {
        "gateway": gateway,
        "order_ids": _texts(each.order_id for each in found),
        "payment_ids": _texts(payments),
        "ids": _texts(transfers),
    }
    for row in tx.execute(_OF_PAYMENTS, values):
        payments[row.payment_id].amounts[int(row.amount)] += 1
    for row in tx.execute(_OF_TRANSFERS, values):
        transfers[row.transfer_id].amounts[int(row.amount)] += 1


def _take_told(tx: Transaction, gateway: str, names: list[str], found: Collection[Booked]) -> None:
    by_id = {each.payment_id or each.transfer_id: each for each in found}
    values = {"gateway": gateway, "names": names, "payment_ids": _texts(each.payment_id for each in found)}
    for row in tx.execute(_TAKEN, values):
        owner = by_id.get(row.payment_id or row.transfer_id)
        if owner:
            owner.told[int(row.gross)] += 1


def _ids(names: Iterable[str]) -> list[str]:
    return [name for name in names if _is_id(name)]


def _is_id(name: str) -> bool:
    try:
        return str(UUID(name)) == name.lower()
    except ValueError:
        return False


def _texts(ids: Iterable[UUID | None]) -> list[str]:
    return sorted({str(each) for each in ids if each})
