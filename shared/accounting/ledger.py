"""Double-entry postings. The database refuses, at commit, one that does not sum to zero, and any change of one.

The accounts are in `accounts.py`. Amounts are whole rupiah, debits positive.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import TextClause, text

from shared.accounting.accounts import Account, gateway_clearing, organizer_payable
from shared.cloud.database import Transaction

_ENTRIES = """
    INSERT INTO ledger_entries (posting_id, account, amount)
    SELECT posted.id, entry.account, entry.amount
    FROM posted CROSS JOIN unnest(CAST(:accounts AS text[]), CAST(:amounts AS bigint[])) AS entry (account, amount)
    ORDER BY entry.account
"""
_POST = text(f"""
    WITH posted AS (
        INSERT INTO ledger_postings (kind, reference_id, order_id, event_id, organizer_id)
        SELECT :kind, :reference_id, id, event_id, organizer_id FROM orders WHERE id = :order_id
        ON CONFLICT (kind, reference_id) DO NOTHING
        RETURNING id)
    {_ENTRIES}
""")
_POST_FOR_EVENT = text(f"""
    WITH posted AS (
        INSERT INTO ledger_postings (kind, reference_id, event_id, organizer_id)
        SELECT :kind, :reference_id, id, organizer_id FROM events WHERE id = :event_id
        ON CONFLICT (kind, reference_id) DO NOTHING
        RETURNING id)
    {_ENTRIES}
""")
_POST_FOR_GATEWAY = text(f"""
    WITH posted AS (
        INSERT INTO ledger_postings (kind, reference_id) VALUES (:kind, :reference_id)
        ON CONFLICT (kind, reference_id) DO NOTHING
        RETURNING id)
    {_ENTRIES}
""")
_SHARES = text("""
    SELECT COALESCE(sum(commission), 0) AS commission, COALESCE(sum(waived_fee), 0) AS waived_fee,
        COALESCE(sum(platform_discount + platform_waived_fee), 0) AS promotion
    FROM order_items WHERE order_id = :order_id
""")
_UNBALANCED = text("""
    SELECT p.id, sum(e.amount) AS difference
    FROM ledger_postings p JOIN ledger_entries e ON e.posting_id = p.id  -- Uses index: ledger_postings_age
    WHERE p.created_at > now() - make_interval(days => :days)
    GROUP BY p.id HAVING sum(e.amount) <> 0
""")

_BOUGHT = text("SELECT EXISTS (SELECT 1 FROM ledger_postings WHERE kind = 'sale' AND reference_id = :payment_id)")
_IS_POSTED = text("""
    SELECT EXISTS (SELECT 1 FROM ledger_postings WHERE kind = :kind AND reference_id = :reference_id)
""")
_IS_MANUALLY_REFUNDED = text("""
    SELECT EXISTS (SELECT 1 FROM ledger_postings p JOIN ledger_entries e ON e.posting_id = p.id
        WHERE p.kind = 'refund_paid_by_hand' AND p.reference_id = :refund_id AND e.account = :account)
""")
_SET_ASIDE = text("""
    SELECT COALESCE(-sum(e.amount), 0)
    FROM ledger_postings p JOIN ledger_entries e ON e.posting_id = p.id  -- Uses index: ledger_postings_order
    WHERE p.order_id = :order_id AND e.account = 'unallocated'
""")

_IN_SUSPENSE = text("""
    SELECT COALESCE(sum(e.amount), 0)
    FROM ledger_postings p JOIN ledger_entries e ON e.posting_id = p.id  -- Uses index: ledger_postings_order
    WHERE p.order_id = :order_id AND e.account = 'dashboard_refunds'
""")

_SUSPENSE_OF_PAYMENT = text("""
    SELECT COALESCE(sum(e.amount), 0)
    FROM ledger_postings p JOIN ledger_entries e ON e.posting_id = p.id  -- Uses index: ledger_postings_order
    WHERE p.order_id = :order_id AND e.account = 'dashboard_refunds' AND (p.reference_id = :payment_id
        OR p.reference_id IN (SELECT id FROM refunds WHERE payment_id = :payment_id))
""")
_LEFT_OF_SALE = text("""
    SELECT e.account, sum(e.amount) AS balance
    FROM ledger_postings p JOIN ledger_entries e ON e.posting_id = p.id  -- Uses index: ledger_postings_order
    WHERE p.order_id = :order_id AND (e.account LIKE 'organizer_payable:%' OR e.account IN (
        'commission_revenue', 'platform_fee_revenue', 'promotion_cost', 'payment_differences', 'goodwill_refunds'))
    GROUP BY e.account HAVING sum(e.amount) <> 0
""")

_OWED_TO_BUYER = text("""
    SELECT COALESCE(-sum(e.amount), 0)
    FROM ledger_postings p JOIN ledger_entries e ON e.posting_id = p.id  -- Uses index: ledger_postings_order
    WHERE p.order_id = :order_id AND e.account = 'refunds_payable'
""")
_SALE_OF = text("SELECT reference_id FROM ledger_postings WHERE order_id = :order_id AND kind = 'sale'")


@dataclass(frozen=True)
class Sale:
    """The parts of a paid order, in rupiah. `total` is its price with fees.

    `received` came in by this payment, `set_aside` by earlier ones and waits as unallocated. A
    difference of their sum from the total is one that somebody has accepted.
    """

    order_id: UUID
    organizer_id: UUID
    gateway: str
    total: int
    platform_fee: int
    received: int
    set_aside: int = 0


SETTLEMENT_FEES: Final = "settlement_fees"
BANK_ARRIVAL: Final = "bank_arrival"
SETTLEMENT_ADJUSTMENT: Final = "settlement_adjustment"
SETTLEMENT_KINDS: Final = (SETTLEMENT_FEES, BANK_ARRIVAL, SETTLEMENT_ADJUSTMENT)
"""Postings of what gateways keep and pass on: of a settlement batch, an arrival, a difference, and of no order."""

SOLD_ITEM_COLUMNS = """
    id, unit_price - discount AS price_paid, platform_discount, commission, platform_fee, waived_fee,
    platform_waived_fee
"""
"""The columns of order_items that make a SoldItem."""


@dataclass(frozen=True)
class SoldItem:
    """A unit of an order and how its money was divided at the sale, in rupiah (`UnitPrice`)."""

    id: UUID
    price_paid: int
    platform_discount: int
    commission: int
    platform_fee: int
    waived_fee: int
    platform_waived_fee: int


@dataclass(frozen=True)
class Share:
    """The money of some items of an order as it was divided at their sale, in rupiah.

    `promotion` is what the platform had added to it for its promo codes.
    """

    organizer: int
    commission: int = 0
    platform_fee: int = 0
    promotion: int = 0

    @classmethod
    def of_whole(cls, items: Sequence[SoldItem]) -> "Share":
        """The whole shares of these items, whose sale is undone."""
        return cls(
            organizer=sum(item.price_paid + item.platform_discount - item.commission for item in items)
            - sum(item.waived_fee - item.platform_waived_fee for item in items),
            commission=sum(item.commission for item in items),
            platform_fee=sum(item.platform_fee + item.waived_fee for item in items),
            promotion=sum(item.platform_discount + item.platform_waived_fee for item in items),
        )


def post(tx: Transaction, kind: str, reference_id: UUID, entries: Mapping[str, int], *, order_id: UUID) -> bool:
    """Book `entries` (account to amount) of an order once per (kind, reference); False where that has been done.

    Zero amounts are left out, and so is a posting without any other.
    """
    return _post(tx, _POST, {"kind": kind, "reference_id": reference_id, "order_id": order_id}, entries)


def post_for_event(
    tx: Transaction, kind: str, reference_id: UUID, entries: Mapping[str, int], *, event_id: UUID
) -> bool:
    """Book `entries` of an event that belong to no order (payouts, penalties) once per (kind, reference)."""
    return _post(tx, _POST_FOR_EVENT, {"kind": kind, "reference_id": reference_id, "event_id": event_id}, entries)


def post_sale(tx: Transaction, payment_id: UUID, sale: Sale) -> bool:
    """Book a paid order: the gateway owes us what came in; we owe the organizer the price less commission.

    A discount of the organizer's lowers that price; one of the platform's is our cost. So it is with a fee that a
    promo code waives: it stays our revenue, and the organizer pays it, or it is our cost.
    """
    return post(tx, "sale", payment_id, _sale_entries(tx, sale), order_id=sale.order_id)


def post_sale_reversal(tx: Transaction, payment_id: UUID, sale: Sale, *, returned_before: int = 0) -> bool:
    """Book the reversal of a whole sale by the gateway or the bank: its entries with opposite signs.

    The amount `returned_before` is booked as having left, and leaves the suspense account.
    """
    entries = {account: -amount for account, amount in _sale_entries(tx, sale).items()}
    entries[gateway_clearing(sale.gateway)] += returned_before
    entries[Account.DASHBOARD_REFUNDS] = -returned_before
    return post(tx, "sale_taken_back", payment_id, entries, order_id=sale.order_id)


def post_remaining_sale_reversal(tx: Transaction, order_id: UUID) -> UUID | None:
    """Reverse what is left of a sale, where all of it was refunded at a dashboard and stands in suspense.

    Our debt to its buyer has not left yet. Returns the payment that had bought; None where less has gone back.
    """
    payment_id: UUID | None = tx.execute(_SALE_OF, {"order_id": order_id}).scalar()
    left = {row.account: int(row.balance) for row in tx.execute(_LEFT_OF_SALE, {"order_id": order_id})}
    rest = -sum(left.values())
    owed = int(tx.execute(_OWED_TO_BUYER, {"order_id": order_id}).scalar_one())
    if payment_id is None or rest <= 0 or rest + owed > suspense_amount(tx, order_id):
        return None
    entries = {account: -balance for account, balance in left.items()} | {Account.DASHBOARD_REFUNDS: -rest}
    post(tx, "sale_rest_taken_back", payment_id, entries, order_id=order_id)
    return payment_id


def post_goodwill(tx: Transaction, amount: int, *, order_id: UUID) -> bool:
    """Book that we bear what is left in suspense: more than once, where more comes. The order is locked."""
    entries: dict[str, int] = {Account.GOODWILL_REFUNDS: amount, Account.DASHBOARD_REFUNDS: -amount}
    return post(tx, "dashboard_goodwill", uuid4(), entries, order_id=order_id)


def post_paid_from_suspense(tx: Transaction, refund_id: UUID, amount: int, *, order_id: UUID) -> None:
    """Book that money in suspense has paid a refund that we owed."""
    post(tx, "refund_paid_at_dashboard", refund_id, _from_suspense(amount), order_id=order_id)


def post_reduced_from_suspense(tx: Transaction, refund_id: UUID, amount: int, *, order_id: UUID) -> None:
    """Book that money in suspense has paid `amount` of a refund that we owe: more than once, where more comes."""
    for reference_id in (refund_id, uuid4()):
        if post(tx, "refund_reduced", reference_id, _from_suspense(amount), order_id=order_id):
            return


def _from_suspense(amount: int) -> dict[str, int]:
    return {Account.REFUNDS_PAYABLE: amount, Account.DASHBOARD_REFUNDS: -amount}


def post_unusable_payment(tx: Transaction, payment_id: UUID, gateway: str, amount: int, *, order_id: UUID) -> bool:
    """Book money that came in and has to go back to its sender in full."""
    entries = {gateway_clearing(gateway): amount, Account.REFUNDS_PAYABLE: -amount}
    return post(tx, "unusable_payment", payment_id, entries, order_id=order_id)


def post_refund_owed(
    tx: Transaction,
    refund_id: UUID,
    amount: int,
    share: Share,
    *,
    for_items: int,
    organizer_id: UUID,
    order_id: UUID,
) -> bool:
    """Book an approved refund: the `share` of each in what was sold goes back, and the buyer is owed `amount`.

    They differ where a payment was accepted that was not the whole price, or more than that. The part of
    `for_items` that is not owed was refunded at a gateway's dashboard: it leaves the suspense account.
    """
    returned_before = max(min(for_items - amount, suspense_amount(tx, order_id)), 0)
    taken = share.organizer + share.commission + share.platform_fee - share.promotion
    entries = {
        organizer_payable(organizer_id): share.organizer,
        Account.COMMISSION_REVENUE: share.commission,
        Account.PLATFORM_FEE_REVENUE: share.platform_fee,
        Account.PROMOTION_COST: -share.promotion,
        Account.REFUNDS_PAYABLE: -amount,
        Account.DASHBOARD_REFUNDS: -returned_before,
        Account.PAYMENT_DIFFERENCES: amount + returned_before - taken,
    }
    return post(tx, "refund_owed", refund_id, entries, order_id=order_id)


def post_refund_paid(
    tx: Transaction, refund_id: UUID, gateway: str, amount: int, *, order_id: UUID, is_manual: bool = False
) -> bool:
    """Book that a refund was sent through the gateway, or by a person at its dashboard."""
    entries = {Account.REFUNDS_PAYABLE: amount, gateway_clearing(gateway): -amount}
    return post(tx, "refund_paid_by_hand" if is_manual else "refund_paid", refund_id, entries, order_id=order_id)


def was_refunded_manually(tx: Transaction, refund_id: UUID, gateway: str) -> bool:
    """True if a manual refund through this gateway is booked."""
    values = {"refund_id": refund_id, "account": gateway_clearing(gateway)}
    found: bool = tx.execute(_IS_MANUALLY_REFUNDED, values).scalar_one()
    return found


def post_unallocated(tx: Transaction, payment_id: UUID, gateway: str, amount: int, *, order_id: UUID) -> bool:
    """Book money whose amount does not fit its order, until a person has decided."""
    entries = {gateway_clearing(gateway): amount, Account.UNALLOCATED: -amount}
    return post(tx, "unallocated_payment", payment_id, entries, order_id=order_id)


def post_unallocated_reversal(tx: Transaction, payment_id: UUID, gateway: str, amount: int, *, order_id: UUID) -> bool:
    """Book the reversal of unallocated money by its gateway."""
    entries = {Account.UNALLOCATED: amount, gateway_clearing(gateway): -amount}
    return post(tx, "unallocated_taken_back", payment_id, entries, order_id=order_id)


def post_unallocated_to_refund(tx: Transaction, refund_id: UUID, amount: int, *, order_id: UUID) -> bool:
    """Book that unallocated money is owed back to its sender."""
    return post(
        tx,
        "review_refund",
        refund_id,
        {Account.UNALLOCATED: amount, Account.REFUNDS_PAYABLE: -amount},
        order_id=order_id,
    )


def post_dashboard_refund(
    tx: Transaction, refund_id: UUID, gateway: str, *, paid: int, left: int, against: str, order_id: UUID
) -> bool:
    """Book what went back at a gateway's dashboard: `paid` of what we owed, and what is `left` in `against`."""
    entries = {Account.REFUNDS_PAYABLE: paid, against: left, gateway_clearing(gateway): -(paid + left)}
    return post(tx, "dashboard_refund", refund_id, entries, order_id=order_id)


def post_payout(tx: Transaction, payout_id: UUID, amount: int, *, organizer_id: UUID, event_id: UUID) -> bool:
    """Book that what we owe an organizer is on its way to their bank."""
    entries = {organizer_payable(organizer_id): amount, Account.PAYOUTS_PAYABLE: -amount}
    return post_for_event(tx, "payout", payout_id, entries, event_id=event_id)


def post_payout_reduction(
    tx: Transaction, reference_id: UUID, amount: int, *, organizer_id: UUID, event_id: UUID
) -> bool:
    """Book that `amount` of a payout stays with us, for what `reference_id` is."""
    entries = {Account.PAYOUTS_PAYABLE: amount, organizer_payable(organizer_id): -amount}
    return post_for_event(tx, "payout_reduced", reference_id, entries, event_id=event_id)


def post_transfer(
    tx: Transaction,
    transfer_id: UUID,
    gateway: str,
    amount: int,
    *,
    order_id: UUID | None,
    event_id: UUID | None,
    is_reversal: bool = False,
) -> bool:
    """Book a bank transfer that has paid a refund of an order or a payout of an event; or that it came back."""
    kind, sent = ("disbursement_reversed", -amount) if is_reversal else ("disbursement_paid", amount)
    leaves: dict[str, int] = {gateway_clearing(gateway): -sent}
    if order_id:
        return post(tx, kind, transfer_id, leaves | {Account.REFUNDS_PAYABLE: sent}, order_id=order_id)
    if event_id:
        return post_for_event(tx, kind, transfer_id, leaves | {Account.PAYOUTS_PAYABLE: sent}, event_id=event_id)
    raise AssertionError(f"transfer {transfer_id} pays nothing")


def post_cancellation_penalty(tx: Transaction, event_id: UUID, amount: int, *, organizer_id: UUID) -> bool:
    """Book what an organizer owes for a cancelled event (FN-015)."""
    entries = {organizer_payable(organizer_id): amount, Account.PENALTY_REVENUE: -amount}
    return post_for_event(tx, "cancellation_penalty", event_id, entries, event_id=event_id)


def post_settlement_fees(tx: Transaction, batch_id: UUID, gateway: str, *, fees: int, tax: int) -> bool:
    """Book what a gateway kept, by the lines of one settlement batch: its fees and the tax on them."""
    entries = {Account.GATEWAY_FEES: fees, Account.INPUT_VAT: tax, gateway_clearing(gateway): -(fees + tax)}
    return _post_for_gateway(tx, SETTLEMENT_FEES, batch_id, entries)


def post_bank_arrival(tx: Transaction, arrival_id: UUID, gateway: str, amount: int) -> bool:
    """Book that money of a gateway's has arrived at our bank."""
    return _post_for_gateway(tx, BANK_ARRIVAL, arrival_id, {Account.BANK: amount, gateway_clearing(gateway): -amount})


def post_settlement_adjustment(tx: Transaction, difference_id: UUID, gateway: str, amount: int) -> bool:
    """Book a settlement difference that we bear (`amount` is what the gateway holds less for us) or gain (negative)."""
    entries = {Account.GATEWAY_ADJUSTMENTS: amount, gateway_clearing(gateway): -amount}
    return _post_for_gateway(tx, SETTLEMENT_ADJUSTMENT, difference_id, entries)


def has_settlement_adjustment(tx: Transaction, difference_id: UUID) -> bool:
    """True if this settlement difference is booked."""
    values = {"kind": SETTLEMENT_ADJUSTMENT, "reference_id": difference_id}
    found: bool = tx.execute(_IS_POSTED, values).scalar_one()
    return found


def has_sale(tx: Transaction, payment_id: UUID) -> bool:
    """True if this payment is the one that paid for its order."""
    found: bool = tx.execute(_BOUGHT, {"payment_id": payment_id}).scalar_one()
    return found


def unallocated_amount(tx: Transaction, order_id: UUID) -> int:
    """An order's money that waits for a decision, in rupiah."""
    return int(tx.execute(_SET_ASIDE, {"order_id": order_id}).scalar_one())


def suspense_amount(tx: Transaction, order_id: UUID) -> int:
    """An order's money that went back at a dashboard and belongs to no item of it yet, in rupiah."""
    return int(tx.execute(_IN_SUSPENSE, {"order_id": order_id}).scalar_one())


def suspense_amount_of_payment(tx: Transaction, order_id: UUID, payment_id: UUID) -> int:
    """The part of an order's money in suspense that came by one payment, in rupiah."""
    return int(tx.execute(_SUSPENSE_OF_PAYMENT, {"order_id": order_id, "payment_id": payment_id}).scalar_one())


def unbalanced_postings(tx: Transaction, *, days: int) -> dict[UUID, int]:
    """Postings of the last `days` that do not balance: none, as long as the constraint holds."""
    return {row.id: int(row.difference) for row in tx.execute(_UNBALANCED, {"days": days})}


def _post_for_gateway(tx: Transaction, kind: str, reference_id: UUID, entries: Mapping[str, int]) -> bool:
    """Book `entries` that belong to no order and no event, but to a gateway, once per (kind, reference)."""
    return _post(tx, _POST_FOR_GATEWAY, {"kind": kind, "reference_id": reference_id}, entries)


def _post(tx: Transaction, statement: TextClause, values: Mapping[str, object], entries: Mapping[str, int]) -> bool:
    moved = {account: amount for account, amount in entries.items() if amount}
    if not moved:
        return False
    columns = {"accounts": [str(account) for account in moved], "amounts": list(moved.values())}
    return tx.execute(statement, {**values, **columns}).rowcount > 0


def _sale_entries(tx: Transaction, sale: Sale) -> dict[str, int]:
    shares = tx.execute(_SHARES, {"order_id": sale.order_id}).one()
    commission, promotion = int(shares.commission), int(shares.promotion)
    fee = sale.platform_fee + int(shares.waived_fee)
    return {
        gateway_clearing(sale.gateway): sale.received,
        Account.UNALLOCATED: sale.set_aside,
        Account.PROMOTION_COST: promotion,
        organizer_payable(sale.organizer_id): -(sale.total + promotion - fee - commission),
        Account.COMMISSION_REVENUE: -commission,
        Account.PLATFORM_FEE_REVENUE: -fee,
        Account.PAYMENT_DIFFERENCES: sale.total - sale.received - sale.set_aside,
    }
