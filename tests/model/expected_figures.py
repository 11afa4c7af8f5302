"""Counts an event's figures one row after the other, in plain Python: no SQL but to fetch the rows."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text

from shared.cloud.database import Transaction

RETURNS = ("refund_owed", "sale_taken_back", "sale_rest_taken_back")


@dataclass(frozen=True)
class Books:
    """An event's rows, as they are in the database."""

    zone: ZoneInfo
    tiers: list[Any]
    orders: list[Any]
    items: list[Any]
    payments: list[Any]
    tickets: list[Any]
    entries: list[Any]
    """Each with its posting's kind and moment."""

    @classmethod
    def read(cls, tx: Transaction, event_id: UUID) -> "Books":
        """Everything there is about an event."""

        def rows(query: str) -> list[Any]:
            return list(tx.execute(text(query), {"id": event_id}))

        return cls(
            ZoneInfo(rows("SELECT timezone FROM events WHERE id = :id")[0].timezone),
            rows("SELECT * FROM ticket_tiers WHERE event_id = :id ORDER BY position"),
            rows("SELECT * FROM orders WHERE event_id = :id"),
            rows("SELECT i.* FROM order_items i JOIN orders o ON o.id = i.order_id WHERE o.event_id = :id"),
            rows("SELECT p.* FROM payments p JOIN orders o ON o.id = p.order_id WHERE o.event_id = :id"),
            rows("SELECT * FROM tickets WHERE event_id = :id"),
            rows("""
                SELECT e.account, e.amount, p.kind, p.created_at FROM ledger_entries e
                JOIN ledger_postings p ON p.id = e.posting_id WHERE p.event_id = :id
            """),
        )

    def day(self, moment: datetime) -> date:
        """The day in the event's zone."""
        return moment.astimezone(self.zone).date()


@dataclass(frozen=True)
class Filter:
    """Days of the event's zone, both included, and a tier."""

    first: date | None = None
    last: date | None = None
    tier_id: UUID | None = None

    def has(self, day: date) -> bool:
        """True if the day is within."""
        return (self.first is None or day >= self.first) and (self.last is None or day <= self.last)


def totals(books: Books, within: Filter) -> dict[str, Any]:
    """The totals of a report."""
    tiers = [tier for tier in books.tiers if within.tier_id in (None, tier.id)]
    stock = {"quota": 0, "held": 0, "available": 0}
    for tier in tiers:
        stock["quota"] += tier.quota
        stock["held"] += tier.reserved
        stock["available"] += tier.quota - tier.reserved - tier.sold
    return {**stock, **earnings(books, within)}


def earnings(books: Books, within: Filter) -> dict[str, Any]:
    """The sales of a period, and what is left of them."""
    found = sales(books, within)
    if within.tier_id is not None:
        return {**found, "refunded_amount": None, "organizer_refunds": None, "penalty": None, "net": None}
    back = {"refunded_amount": 0, "organizer_refunds": 0, "penalty": 0}
    for entry in books.entries:
        is_organizers = entry.account.startswith("organizer_payable:")
        if not within.has(books.day(entry.created_at)):
            continue
        if entry.kind == "cancellation_penalty" and is_organizers:
            back["penalty"] += entry.amount
        if entry.kind in RETURNS:
            back["organizer_refunds"] += entry.amount if is_organizers else 0
            leaves = entry.account in ("refunds_payable", "dashboard_refunds", "unallocated", "goodwill_refunds")
            if leaves or entry.account.startswith("gateway_clearing:"):
                back["refunded_amount"] -= entry.amount
    net = found["gross"] - found["discount"] + found["platform_discount"] - found["waived_fees"] - found["commission"]
    return {**found, **back, "net": net - back["organizer_refunds"] - back["penalty"]}


def sales(books: Books, within: Filter) -> dict[str, int]:
    """The units that were paid for in a period."""
    paid = {order.id for order in books.orders if order.paid_at and within.has(books.day(order.paid_at))}
    names = ("sold", "refunded", "gross", "discount", "platform_discount", "fees", "waived_fees", "commission")
    found = dict.fromkeys(names, 0)
    for item in books.items:
        if item.order_id not in paid or within.tier_id not in (None, item.tier_id):
            continue
        found["sold" if item.returned_at is None else "refunded"] += 1
        found["gross"] += item.unit_price
        found["discount"] += item.discount
        found["platform_discount"] += item.platform_discount
        found["fees"] += item.platform_fee
        found["waived_fees"] += item.waived_fee - item.platform_waived_fee
        found["commission"] += item.commission
    return found


def by_day(books: Books, within: Filter) -> dict[str, dict[str, Any]]:
    """The days on which something moved."""
    days = {books.day(order.paid_at) for order in books.orders if order.paid_at and _has_unit(books, order, within)}
    if within.tier_id is None:
        returns = (*RETURNS, "cancellation_penalty")
        days |= {books.day(entry.created_at) for entry in books.entries if entry.kind in returns}
    return {
        day.isoformat(): earnings(books, Filter(day, day, within.tier_id)) for day in sorted(days) if within.has(day)
    }


def summed(days: Mapping[str, Mapping[str, Any]], start_of: Any) -> dict[str, dict[str, Any]]:
    """Days put together to longer periods, by the first day of each."""
    found: dict[str, dict[str, Any]] = {}
    for day, amounts in days.items():
        start = start_of(date.fromisoformat(day)).isoformat()
        before = found.get(start)
        found[start] = {
            name: amount if before is None or amount is None else amount + before[name]
            for name, amount in amounts.items()
        }
    return found


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def first_of_month(day: date) -> date:
    return date(day.year, day.month, 1)


def funnel(books: Books, within: Filter) -> dict[str, int]:
    """The later states of the orders that were made in a period."""
    states = [order.status for order in _made(books, within)]
    return {
        "reserved": len(states),
        "open": states.count("reserved") + states.count("pending_payment"),
        "paid": states.count("paid") + states.count("refunded"),
        "expired": states.count("expired"),
        "cancelled": states.count("cancelled"),
    }


def payments(books: Books, within: Filter, *names: str, only: Iterable[str] = ()) -> dict[tuple[Any, ...], list[int]]:
    """How many payments, what they ask for and what has come in, by these columns."""
    made = {order.id for order in _made(books, within)}
    found: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
    for payment in books.payments:
        if payment.order_id in made and (not only or payment.status in only):
            sums = found[tuple(getattr(payment, name) for name in names)]
            sums[0] += 1
            sums[1] += payment.amount
            sums[2] += payment.received_amount or 0
    return dict(found)


def check_ins(books: Books, within: Filter) -> dict[str, int]:
    """The numbers of tickets and of those that were used."""
    of_tier = {item.id for item in books.items if within.tier_id in (None, item.tier_id)}
    states = [ticket.status for ticket in books.tickets if ticket.order_item_id in of_tier]
    return {"tickets": len(states) - states.count("void"), "checked_in": states.count("used")}


def _made(books: Books, within: Filter) -> list[Any]:
    return [
        order for order in books.orders if within.has(books.day(order.created_at)) and _has_unit(books, order, within)
    ]


def _has_unit(books: Books, order: Any, within: Filter) -> bool:
    return within.tier_id is None or any(
        item.order_id == order.id and item.tier_id == within.tier_id for item in books.items
    )
