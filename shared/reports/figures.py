"""The figures of all reports: each has one sentence, and the SQL that counts it, defined here and nowhere else.

The API's descriptions are these sentences, and so is docs/figures.md (`python -m schemas.figures`). A figure is an
expression over the rows of its source, of one event but for the platform's. "In the period" is what the caller has
chosen, by days or moments; without a choice it is all time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field


@dataclass(frozen=True)
class Figure:
    """A figure: `meaning` is what it counts, `sql` an expression over the rows of its source."""

    name: str
    meaning: str
    sql: str

    @property
    def field(self) -> Any:
        """The field of a response that shows it."""
        return Field(description=self.meaning)


def columns(*figures: Figure, times: str = "") -> str:
    """The select list of these figures, each multiplied with the number `times`."""
    factor = f"{times} * " if times else ""
    return ", ".join(f"{factor}CAST({figure.sql} AS bigint) AS {figure.name}" for figure in figures)


def zeros(*figures: Figure) -> str:
    """The select list of a source that has none of these figures."""
    return ", ".join(f"CAST(0 AS bigint) AS {figure.name}" for figure in figures)


def sums(*figures: Figure) -> str:
    """The select list that adds up columns of these figures' names."""
    return ", ".join(f"CAST(COALESCE(sum({figure.name}), 0) AS bigint) AS {figure.name}" for figure in figures)


def is_any(*figures: Figure) -> str:
    """The condition on groups of rows that columns of these figures' names add up to something."""
    return " OR ".join(f"sum({figure.name}) <> 0" for figure in figures)


STOCK_SOURCE = "ticket_tiers t"
QUOTA = Figure(
    "quota", "Units that can be sold in all: the quota, or the uploaded units where they are fewer.",
    "LEAST(t.quota, t.units)",
)  # fmt: skip
HELD = Figure("held", "Units in reservations that are not paid yet, now.", "t.reserved")
AVAILABLE = Figure(
    "available", "Units that are neither held nor sold, now.", "LEAST(t.quota, t.units) - t.reserved - t.sold"
)
STOCK = (QUOTA, HELD, AVAILABLE)

SALES_SOURCE = "orders o JOIN order_items i ON i.order_id = o.id"
"""Counted: the orders that were paid in the period (`orders.paid_at`), whatever became of them since."""
SOLD = Figure(
    "sold", "Units that were paid for in the period and have not been given back.",
    "count(*) FILTER (WHERE i.returned_at IS NULL)",
)  # fmt: skip
REFUNDED = Figure(
    "refunded", "Units that were paid for in the period and have been given back since.",
    "count(*) FILTER (WHERE i.returned_at IS NOT NULL)",
)  # fmt: skip
GROSS = Figure(
    "gross", "Prices of all units that were paid for in the period, before discounts, given back or not.",
    "sum(i.unit_price)",
)  # fmt: skip
DISCOUNT = Figure("discount", "What promo codes took off these prices, whoever bears it.", "sum(i.discount)")
PLATFORM_DISCOUNT = Figure(
    "platform_discount", "The part of the discount that the platform bears and pays to the organizer.",
    "sum(i.platform_discount)",
)  # fmt: skip
FEES = Figure("fees", "Platform fees that the buyers of these units paid on top of the price.", "sum(i.platform_fee)")
WAIVED_FEES = Figure(
    "waived_fees", "Platform fees that the organizer's own promo codes waived, and the organizer bears.",
    "sum(i.waived_fee - i.platform_waived_fee)",
)  # fmt: skip
COMMISSION = Figure("commission", "The platform's commission on these units.", "sum(i.commission)")
SALES = (SOLD, REFUNDED, GROSS, DISCOUNT, PLATFORM_DISCOUNT, FEES, WAIVED_FEES, COMMISSION)

RETURNS_SOURCE = "ledger_postings p JOIN ledger_entries e ON e.posting_id = p.id"
"""Counted: the postings of the period by which sales went back, and the penalty (`IS_RETURN`)."""
IS_RETURN = "p.kind IN ('refund_owed', 'sale_taken_back', 'sale_rest_taken_back', 'cancellation_penalty')"
_SALES_ACCOUNTS = "'commission_revenue', 'platform_fee_revenue', 'promotion_cost', 'payment_differences'"
_IS_ORGANIZERS = "e.account LIKE 'organizer_payable:%'"
_IS_PENALTY = "p.kind = 'cancellation_penalty'"
REFUNDED_AMOUNT = Figure(
    "refunded_amount", "What buyers get back for what was sold, as booked in the period.",
    f"COALESCE(sum(e.amount) FILTER (WHERE {IS_RETURN} AND NOT {_IS_PENALTY} "
    f"AND ({_IS_ORGANIZERS} OR e.account IN ({_SALES_ACCOUNTS}))), 0)",
)  # fmt: skip
ORGANIZER_REFUNDS = Figure(
    "organizer_refunds", "The organizer's part in what went back: their earnings of the sales that were undone.",
    f"COALESCE(sum(e.amount) FILTER (WHERE NOT {_IS_PENALTY} AND {_IS_ORGANIZERS}), 0)",
)  # fmt: skip
PENALTY = Figure(
    "penalty", "What the organizer owes for cancelling the event.",
    f"COALESCE(sum(e.amount) FILTER (WHERE {_IS_PENALTY} AND {_IS_ORGANIZERS}), 0)",
)  # fmt: skip
RETURNS = (REFUNDED_AMOUNT, ORGANIZER_REFUNDS, PENALTY)

NET = Figure(
    "net", "What the organizer has earned in the period, before payouts: the movement of their account in the ledger.",
    "gross - discount + platform_discount - waived_fees - commission - organizer_refunds - penalty",
)  # fmt: skip


def net(amounts: Mapping[str, int]) -> int:
    """The figure NET of the others, by their names."""
    added = amounts["gross"] - amounts["discount"] + amounts["platform_discount"]
    taken = amounts["waived_fees"] + amounts["commission"] + amounts["organizer_refunds"] + amounts["penalty"]
    return added - taken


ORDERS_SOURCE = "orders o"
"""Counted: the orders that were made in the period (`orders.created_at`)."""
RESERVED_ORDERS = Figure("reserved", "Orders made in the period: each held its units.", "count(*)")
OPEN_ORDERS = Figure(
    "open", "Of these, orders that are still held and not paid.",
    "count(*) FILTER (WHERE o.status IN ('reserved', 'pending_payment'))",
)  # fmt: skip
PAID_ORDERS = Figure(
    "paid", "Of these, orders that were paid, given back or not.",
    "count(*) FILTER (WHERE o.status IN ('paid', 'refunded'))",
)  # fmt: skip
EXPIRED_ORDERS = Figure(
    "expired", "Of these, orders whose time to pay ran out.", "count(*) FILTER (WHERE o.status = 'expired')"
)
CANCELLED_ORDERS = Figure(
    "cancelled", "Of these, orders that were cancelled before they were paid.",
    "count(*) FILTER (WHERE o.status = 'cancelled')",
)  # fmt: skip
OUTCOMES = (PAID_ORDERS, EXPIRED_ORDERS, CANCELLED_ORDERS)
FUNNEL = (RESERVED_ORDERS, OPEN_ORDERS, *OUTCOMES)

PAYMENTS_SOURCE = "orders o JOIN payments p ON p.order_id = o.id"
"""Counted: the orders that were made in the period; grouped by status, and by method and gateway."""
PAYMENTS = Figure("payments", "Payments of the orders made in the period: each try to pay is one.", "count(*)")
ASKED = Figure("amount", "What these payments ask for.", "sum(p.amount)")
RECEIVED = Figure(
    "received", "What has come in by them, whether it bought something or goes back.",
    "COALESCE(sum(p.received_amount), 0)",
)  # fmt: skip
BY_PAYMENT = (PAYMENTS, ASKED, RECEIVED)

TICKETS_SOURCE = "tickets k"
"""Counted: the event's tickets, at any time."""
VALID_TICKETS = Figure(
    "tickets", "Tickets that are valid or have been used.", "count(*) FILTER (WHERE k.status <> 'void')"
)
CHECKED_IN = Figure(
    "checked_in", "Of these, tickets whose holder has been let in.", "count(*) FILTER (WHERE k.status = 'used')"
)
CHECK_INS = (VALID_TICKETS, CHECKED_IN)

TRANSACTIONS_SOURCE = "ledger_postings l JOIN orders o ON o.id = l.order_id JOIN payments p ON p.id = l.reference_id"
"""Counted: the sales that were booked in the period, of all events; the payment is the one that completed the order."""
TRANSACTION_COUNT = Figure("transactions", "Orders whose sale was booked in the period.", "count(*)")
TURNOVER = Figure("turnover", "What these orders cost their buyers, fees included.", "COALESCE(sum(o.total_amount), 0)")
TRANSACTIONS = (TRANSACTION_COUNT, TURNOVER)
VALUE = Figure(
    "value", "Prices less discounts of the units that were paid for in the period and have not been given back.",
    "COALESCE(sum(i.unit_price - i.discount) FILTER (WHERE i.returned_at IS NULL), 0)",
)  # fmt: skip
TOP_SELLERS = (SOLD, VALUE)

PLATFORM_SOURCE = "events, users"
EVENTS_ON_SALE = Figure(
    "events_on_sale", "Published events that are not over, now.",
    "(SELECT count(*) FROM events WHERE status = 'published' AND end_date > now())",
)  # fmt: skip
ORGANIZERS = Figure(
    "organizers", "Accounts of organizers, now.",
    "(SELECT count(*) FROM users WHERE role = 'organizer' AND NOT is_deleted)",
)  # fmt: skip
CUSTOMERS = Figure(
    "customers", "Accounts of customers, now.",
    "(SELECT count(*) FROM users WHERE role = 'customer' AND NOT is_deleted)"
    " - (SELECT count(*) FROM events WHERE is_synthetic)",  # each has a buyer of its own, who is nobody
)  # fmt: skip
PLATFORM = (EVENTS_ON_SALE, ORGANIZERS, CUSTOMERS)

SOURCES = {
    "Stock": (STOCK_SOURCE, STOCK),
    "Sales": (SALES_SOURCE, SALES),
    "What went back": (RETURNS_SOURCE, RETURNS),
    "Earnings": ("the figures above", (NET,)),
    "Funnel": (ORDERS_SOURCE, FUNNEL),
    "Payments": (PAYMENTS_SOURCE, BY_PAYMENT),
    "Check-ins": (TICKETS_SOURCE, CHECK_INS),
    "Platform: transactions": (TRANSACTIONS_SOURCE, TRANSACTIONS),
    "Platform: best-selling events": (SALES_SOURCE, (VALUE,)),
    "Platform: now": (PLATFORM_SOURCE, PLATFORM),
}
"""All figures by their source."""
