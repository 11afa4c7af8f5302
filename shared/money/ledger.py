"""Double-entry postings. The database refuses, at commit, one that does not sum to zero, and any change of one.

Debits are positive, credits negative, in whole rupiah. What an account means:

    gateway_clearing:<gateway>      what a gateway has taken in for us and not yet passed on
    organizer_payable:<organizer>   what we owe an organizer
    platform_fee_revenue            the fee the customer pays on top (FN-001)
    commission_revenue              our share of the ticket price (FN-004)
    promotion_cost                  discounts that we pay to the organizer in the customer's place (TS-006)
    refunds_payable                 what we owe customers
    unallocated                     money that fits no order and waits for a person
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction

_POST = text("""
    INSERT INTO ledger_postings (kind, reference_id, order_id, event_id, organizer_id)
    SELECT :kind, :reference_id, id, event_id, organizer_id FROM orders WHERE id = :order_id
    ON CONFLICT (kind, reference_id) DO NOTHING
    RETURNING id
""")
_ENTRY = text("INSERT INTO ledger_entries (posting_id, account, amount) VALUES (:posting_id, :account, :amount)")
_SHARES = text("""
    SELECT COALESCE(sum(commission), 0) AS commission, COALESCE(sum(platform_discount), 0) AS platform_discount
    FROM order_items WHERE order_id = :order_id
""")
_DIFFERENCES = text("""
    SELECT p.id, sum(e.amount) AS difference
    FROM ledger_postings p JOIN ledger_entries e ON e.posting_id = p.id  -- Uses index: ledger_postings_age
    WHERE p.created_at > now() - make_interval(days => :days)
    GROUP BY p.id HAVING sum(e.amount) <> 0
""")

UNALLOCATED = "unallocated"
REFUNDS_PAYABLE = "refunds_payable"


def clearing(gateway: str) -> str:
    """The account of what a gateway holds for us."""
    return f"gateway_clearing:{gateway}"


@dataclass(frozen=True)
class Sale:
    """What a paid order is made of, in rupiah. `total` is what the customer paid."""

    order_id: UUID
    organizer_id: UUID
    gateway: str
    total: int
    platform_fee: int


def post(tx: Transaction, kind: str, reference_id: UUID, entries: Mapping[str, int], *, order_id: UUID) -> bool:
    """Book `entries` (account to amount) once per (kind, reference); False where that has been done already.

    Zero amounts are left out, and so is a posting without any other.
    """
    moved = {account: amount for account, amount in entries.items() if amount}
    if not moved:
        return False
    values = {"kind": kind, "reference_id": reference_id, "order_id": order_id}
    posting_id = tx.execute(_POST, values).scalar_one_or_none()
    if posting_id is None:
        return False
    tx.execute(
        _ENTRY,
        [{"posting_id": posting_id, "account": account, "amount": amount} for account, amount in sorted(moved.items())],
    )
    return True


def post_sale(tx: Transaction, payment_id: UUID, sale: Sale) -> bool:
    """Book a paid order: the gateway owes us the total; we owe the organizer the price less commission.

    A discount of the organizer's lowers that price; one of the platform's is our cost.
    """
    return post(tx, "sale", payment_id, _sale_entries(tx, sale), order_id=sale.order_id)


def post_sale_taken_back(tx: Transaction, payment_id: UUID, sale: Sale) -> bool:
    """Book that the gateway or the bank took a whole sale back: the sale's entries with their signs turned."""
    entries = {account: -amount for account, amount in _sale_entries(tx, sale).items()}
    return post(tx, "sale_taken_back", payment_id, entries, order_id=sale.order_id)


def post_to_refund(tx: Transaction, payment_id: UUID, gateway: str, amount: int, *, order_id: UUID) -> bool:
    """Book money that came in and has to go back to its sender in full."""
    entries = {clearing(gateway): amount, REFUNDS_PAYABLE: -amount}
    return post(tx, "unusable_payment", payment_id, entries, order_id=order_id)


def post_refunded(tx: Transaction, refund_id: UUID, gateway: str, amount: int, *, order_id: UUID) -> bool:
    """Book that money we owed a customer has gone out through the gateway."""
    entries = {REFUNDS_PAYABLE: amount, clearing(gateway): -amount}
    return post(tx, "refund_paid", refund_id, entries, order_id=order_id)


def post_unallocated(tx: Transaction, payment_id: UUID, gateway: str, amount: int, *, order_id: UUID) -> bool:
    """Book money whose amount does not fit its order, until a person has decided."""
    entries = {clearing(gateway): amount, UNALLOCATED: -amount}
    return post(tx, "unallocated_payment", payment_id, entries, order_id=order_id)


def differences(tx: Transaction, *, days: int) -> dict[UUID, int]:
    """Postings of the last `days` that don't balance: always empty, or the wall is down."""
    return {row.id: int(row.difference) for row in tx.execute(_DIFFERENCES, {"days": days})}


def _sale_entries(tx: Transaction, sale: Sale) -> dict[str, int]:
    shares = tx.execute(_SHARES, {"order_id": sale.order_id}).one()
    commission, platform_discount = int(shares.commission), int(shares.platform_discount)
    return {
        clearing(sale.gateway): sale.total,
        "promotion_cost": platform_discount,
        f"organizer_payable:{sale.organizer_id}": -(sale.total + platform_discount - sale.platform_fee - commission),
        "commission_revenue": -commission,
        "platform_fee_revenue": -sale.platform_fee,
    }
