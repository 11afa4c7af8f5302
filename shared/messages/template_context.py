"""The template context of each mail, read when the mail is sent, so never stale."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text

from shared import local_time
from shared.cloud import clock
from shared.cloud.database import Transaction
from shared.identity import codes
from shared.identity.marketing import MailKind
from shared.messages import freeze_page, unsubscribe_links
from shared.messages.template_data import (
    BankAccount,
    Change,
    Event,
    Goods,
    GoodsLine,
    Line,
    Order,
    Payment,
    Payout,
    Refund,
    SoldEvent,
    Ticket,
)
from shared.sales.orders import LIVE
from shared.states import EventStatus, OrderStatus, PayoutStatus, RefundStatus, SaleNotices, TierKind

MAX_ATTACHMENTS = 25
"""The most tickets that one mail attaches: some two megabytes. A mail about more links to the order."""

IS_VETTED = """
    (o.total_amount > 0 OR EXISTS (SELECT 1 FROM bank_accounts v
        WHERE v.user_id = o.organizer_id AND v.status = 'verified' AND v.replaced_at IS NULL))
"""
"""The condition under which an organizer's words may reach attendees of order `o` who have proved nothing."""

_ORDER = text(f"""
    SELECT o.id, o.status, o.discount_amount, o.total_amount, o.reservation_expires_at, u.full_name,
        {IS_VETTED} AS is_vetted,
        e.title, e.start_date, e.end_date, e.timezone, e.venue, e.location
    FROM orders o JOIN users u ON u.id = o.user_id JOIN events e ON e.id = o.event_id
    WHERE o.id = :order_id
""")
_LINES = text("""
    SELECT c.name AS tier_name, count(*) AS quantity, i.unit_price, i.platform_fee
    FROM order_items i JOIN ticket_tiers c ON c.id = i.tier_id
    WHERE i.order_id = :order_id
    GROUP BY i.tier_id, c.name, i.unit_price, i.platform_fee ORDER BY min(i.position)
""")
_OPEN_PAYMENT = text("""
    SELECT payment_method, amount, va_number, biller_code, redirect_url, expires_at FROM payments
    WHERE order_id = :order_id AND status = 'pending'
""")
_RETURNED = text("""
    SELECT amount FROM refunds  -- Uses index: refunds_order
    WHERE order_id = :order_id AND kind = 'unusable_payment'
      AND (CAST(:refund_id AS uuid) IS NULL OR id = CAST(:refund_id AS uuid))
    ORDER BY created_at DESC LIMIT 1
""")
_REFUND = text("SELECT amount, reason, rejection_reason, method, status FROM refunds WHERE id = :id")
_SALE = text("""
    SELECT status, event_id, organizer_id, subtotal - discount_amount AS amount FROM orders WHERE id = :order_id
""")
_SOLD = text("""
    SELECT c.name AS tier_name, count(*) AS quantity
    FROM order_items i JOIN ticket_tiers c ON c.id = i.tier_id
    WHERE i.order_id = :order_id GROUP BY c.id, c.name ORDER BY min(i.position)
""")
_ORGANIZER = text("SELECT full_name, sale_notices FROM users WHERE id = :id AND NOT is_deleted")
_SOLD_EVENTS = text("""
    SELECT e.id, e.title, CAST(sum(c.sold) AS bigint) AS sold, CAST(sum(c.quota) AS bigint) AS quota
    FROM events e JOIN ticket_tiers c ON c.event_id = e.id
    WHERE e.id = ANY(:ids) GROUP BY e.id
""")
_PAYOUT = text("""
    SELECT p.amount, p.status, e.title AS event_title, u.full_name AS organizer_name,
        b.bank_code, b.account_number_ending
    FROM payouts p JOIN events e ON e.id = p.event_id JOIN users u ON u.id = p.organizer_id
    LEFT JOIN disbursements d ON d.payout_id = p.id LEFT JOIN bank_accounts b ON b.id = d.bank_account_id
    WHERE p.id = :id ORDER BY d.attempt DESC LIMIT 1
""")
_BANK_ACCOUNT = text("""
    SELECT b.bank_code, b.account_number_ending, b.created_at, b.waits_until, u.full_name
    FROM bank_accounts b JOIN users u ON u.id = b.user_id WHERE b.id = :id
""")
_TICKETS = text("""
    SELECT t.id, t.pdf_object, c.name AS tier_name, COALESCE(i.attendee_name, u.full_name) AS attendee_name
    FROM tickets t JOIN orders o ON o.id = t.order_id JOIN users u ON u.id = o.user_id
        JOIN order_items i ON i.id = t.order_item_id JOIN ticket_tiers c ON c.id = i.tier_id
    WHERE t.id = ANY(:ticket_ids) AND t.status <> 'void'
        AND (CAST(:held_by AS text) IS NULL OR lower(i.attendee_email) = :held_by) ORDER BY i.position
""")
_CHANGE = text("""
    SELECT c.before, c.after, c.allows_refund, ARRAY(
        SELECT DISTINCT CAST(i.tier_id AS text) FROM order_items i
        WHERE i.order_id = :order_id AND (CAST(:item_ids AS uuid[]) IS NULL OR i.id = ANY(CAST(:item_ids AS uuid[])))
        ORDER BY 1) AS tier_ids
    FROM event_changes c WHERE c.id = :change_id
""")
_HELD = text("""
    SELECT c.name AS tier_name, count(*) AS quantity
    FROM order_items i JOIN ticket_tiers c ON c.id = i.tier_id
    WHERE i.id = ANY(:item_ids) GROUP BY c.id, c.name ORDER BY min(i.position)
""")
_UNRETURNED = text("SELECT id FROM order_items WHERE id = ANY(:item_ids) AND returned_at IS NULL")
_IS_HELD = text("SELECT reservation_expires_at > now() FROM orders WHERE id = :order_id")
_EVENT = text("""
    SELECT e.status, e.start_date, e.timezone FROM orders o JOIN events e ON e.id = o.event_id WHERE o.id = :order_id
""")
_GOODS = text("""
    SELECT c.name AS tier_name, c.kind, count(*) AS quantity
    FROM order_items i JOIN ticket_tiers c ON c.id = i.tier_id
    WHERE i.order_id = :order_id AND c.kind IN ('product', 'digital')
    GROUP BY c.id, c.name, c.kind ORDER BY min(i.position)
""")
_PICKUP_CODE = text("SELECT code FROM pickups WHERE order_id = :order_id")


@dataclass(frozen=True)
class QueuedEmail:
    """A queued mail, and how many times we have tried to send it, this time included.

    `suppression_reason` where its address is suppressed, or was (`is_suppressed` is False) and the mail service
    still holds it so.
    """

    id: UUID
    template: str
    to_address: str
    language: str
    context: Mapping[str, Any]
    order_id: UUID | None
    attempts: int
    suppression_reason: str | None = None
    is_suppressed: bool | None = None


class Obsolete(Exception):
    """The content of a mail is no longer true, so the mail is not sent."""


def build(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    """The context of the template of a mail. Raises Obsolete."""
    return _BUILDERS[email.template](tx, email)


def _person(_: Transaction, email: QueuedEmail) -> dict[str, Any]:
    return {"full_name": email.context["full_name"]}


def _second_factor(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    due_at = email.context["due_at"]
    shown = {name: email.context[name] for name in ("occasion", "recovery_codes_left")}
    moment = (
        local_time.long_moment(datetime.fromisoformat(due_at), local_time.HOME_ZONE, email.language) if due_at else ""
    )
    return {**_person(tx, email), **shown, "due_at": moment}


def _code(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    if "code" not in email.context:
        raise Obsolete("the code is forgotten")
    form = codes.FORMATS.get(email.template, codes.SIX_DIGITS)  # an invitation tells its own days
    valid_minutes = form.life_seconds // 60
    return {**_person(tx, email), "code": email.context["code"], "valid_minutes": valid_minutes}


def _invitation(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    return {**_code(tx, email), "valid_days": email.context["valid_days"]}


def _order(tx: Transaction, email: QueuedEmail, *statuses: OrderStatus) -> Order:
    order = read_order(tx, email.order_id, email.language)
    if statuses and order.status not in statuses:
        raise Obsolete(f"the order is {order.status}")
    return order


def _order_confirmation(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    return {"order": _order(tx, email, *LIVE, OrderStatus.PAID)}


def _payment_reminder(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    if not tx.execute(_IS_HELD, {"order_id": email.order_id}).scalar_one():
        raise Obsolete("the hold is over")
    return {"order": _order(tx, email, OrderStatus.PENDING_PAYMENT)}


def _event_reminder(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    days = _days_until(tx, email.order_id, date.fromisoformat(email.context["starts_on"]))
    kept = set(tx.execute(_UNRETURNED, {"item_ids": _ids(email.context["item_ids"])}).scalars())
    if not kept:
        raise Obsolete("its tickets were given back")
    return {
        "order": _order(tx, email, OrderStatus.PAID),
        "held": read_held(tx, list(kept)),
        "to_buyer": email.context["to_buyer"],
        "is_today": days == 0,
    }


def _days_until(tx: Transaction, order_id: UUID | None, starts_on: date) -> int:
    """The days until an event that still starts on this day, by its own clock. Raises Obsolete."""
    event = tx.execute(_EVENT, {"order_id": order_id}).one()
    zone, now = ZoneInfo(event.timezone), clock.now()
    if event.status != EventStatus.PUBLISHED or event.start_date <= now:
        raise Obsolete("the event is over or cancelled")
    if event.start_date.astimezone(zone).date() != starts_on:
        raise Obsolete("the event was moved to another day")
    return (starts_on - now.astimezone(zone).date()).days


def _e_ticket(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    held_by = None if email.context["to_buyer"] else email.to_address.lower()  # who may have passed it on since
    tickets = read_tickets(tx, _ids(email.context["ticket_ids"]), held_by=held_by)
    if not tickets:
        raise Obsolete("its tickets are void, or have another holder")
    return {
        "order": _order(tx, email),
        "tickets": tickets,
        "to_buyer": email.context["to_buyer"],
        "are_attached": len(tickets) <= MAX_ATTACHMENTS,
        "occasion": email.context.get("occasion", "paid"),
        "untold": email.context.get("untold", 0),
    }


def _goods_ready(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    return {"order": _order(tx, email, OrderStatus.PAID), "goods": read_goods(tx, email.order_id)}


def _ticket_delayed(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    return {"order": _order(tx, email, OrderStatus.PAID), "to_buyer": email.context.get("to_buyer", True)}


def _ticket_void(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    held = read_held(tx, _ids(email.context["item_ids"]))
    return {"order": _order(tx, email), "held": held, "reason": email.context["reason"]}


def _payment_unusable(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    amount = read_returned_amount(tx, email.order_id, email.context.get("refund_id"))
    return {"order": _order(tx, email), "amount": amount}


def _refund(tx: Transaction, email: QueuedEmail, *statuses: RefundStatus) -> dict[str, Any]:
    refund = read_refund(tx, UUID(email.context["refund_id"]))
    if statuses and refund.status not in statuses:
        raise Obsolete(f"the refund is {refund.status}")
    return {"order": _order(tx, email), "refund": refund}


def _refund_completed(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    return _refund(tx, email, RefundStatus.COMPLETED)  # the bank may have sent it back since


def _refund_account_needed(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    found = _refund(tx, email, RefundStatus.APPROVED, RefundStatus.FAILED)
    return {**found, "is_refused": email.context.get("is_refused", False)}


def _amount(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    return {"order": _order(tx, email), "amount": email.context["amount"]}


def _top_up(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    order = _order(tx, email, *LIVE)
    amount = email.context["amount"]
    return {"order": order, "amount": amount, "received": email.context.get("received", order.total_amount - amount)}


def _payment_in_review(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    amounts = {name: email.context[name] for name in ("received", "asked")}
    return {"order": _order(tx, email, *LIVE), **amounts}


def _sale_made(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    sale = tx.execute(_SALE, {"order_id": email.context["order_id"]}).one()
    if sale.status != OrderStatus.PAID:
        raise Obsolete(f"the order is {sale.status}")
    lines = [GoodsLine(**row._mapping) for row in tx.execute(_SOLD, {"order_id": email.context["order_id"]})]
    counts = {"orders": 1, "items": sum(line.quantity for line in lines), "amount": sale.amount}
    [event] = _sold_events(tx, [{"event_id": sale.event_id, **counts}])
    return {"event": event, "lines": lines, **_of_organizer(tx, sale.organizer_id)}


def _sale_digest(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    return {
        "events": _sold_events(tx, email.context["sales"]),
        **_of_organizer(tx, UUID(email.context["organizer_id"])),
    }


def _of_organizer(tx: Transaction, organizer_id: UUID) -> dict[str, Any]:
    """The organizer's name, and their unsubscribe link. Raises Obsolete where they have unsubscribed."""
    organizer = tx.execute(_ORGANIZER, {"id": organizer_id}).first()
    if organizer is None or organizer.sale_notices == SaleNotices.OFF:
        raise Obsolete("the organizer wants no such mails")
    return {"full_name": organizer.full_name, **unsubscribe_links.context(organizer_id, MailKind.SALES)}


def _sold_events(tx: Transaction, sales: Sequence[Mapping[str, Any]]) -> list[SoldEvent]:
    """The events of these sales, in their order, as they are now."""
    rows = tx.execute(_SOLD_EVENTS, {"ids": [UUID(str(each["event_id"])) for each in sales]})
    found = {str(row.id): row for row in rows}
    counted = [(found[str(each["event_id"])], each) for each in sales]
    return [
        SoldEvent(row.id, row.title, each["orders"], each["items"], each["amount"], row.sold, row.quota)
        for row, each in counted
    ]


def _payout(tx: Transaction, email: QueuedEmail, *statuses: PayoutStatus) -> dict[str, Any]:
    payout = read_payout(tx, UUID(email.context["payout_id"]))
    if payout.status not in statuses:
        raise Obsolete(f"the payout is {payout.status}")
    return {"payout": payout}


def _payout_completed(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    return _payout(tx, email, PayoutStatus.COMPLETED)  # the bank may have sent it back since


def _payout_account_needed(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    found = _payout(tx, email, PayoutStatus.PENDING, PayoutStatus.FAILED)
    return {**found, "is_refused": email.context.get("is_refused", False)}


def _bank_account_set(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    account = read_bank_account(tx, UUID(email.context["account_id"]), email.language)
    return {"full_name": account.owner_name, "account": account}


def _promo_used_late(_: Transaction, email: QueuedEmail) -> dict[str, Any]:
    return {"promo": email.context}


def _event_changed(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    item_ids = _ids(email.context["item_ids"]) if "item_ids" in email.context else None
    change_id = UUID(email.context["change_id"])
    changes, allows_refund = read_changes(tx, change_id, email.language, email.order_id, item_ids)
    return {
        "order": _order(tx, email, *LIVE, OrderStatus.PAID),
        "changes": changes,
        "allows_refund": allows_refund,
        "is_partial": False,
        "to_buyer": item_ids is None,
    }


def _ids(written: Sequence[str]) -> list[UUID]:
    return [UUID(each) for each in written]


def read_order(tx: Transaction, order_id: UUID | None, language: str) -> Order:
    """The order with its event, its lines and the payment that is open, if one is."""
    row = tx.execute(_ORDER, {"order_id": order_id}).one()
    return Order(
        id=row.id,
        status=row.status,
        buyer_name=row.full_name,
        event=Event(row.title, _when(row, language), _where(row.venue, row.location)),
        lines=[Line(**line._mapping) for line in tx.execute(_LINES, {"order_id": order_id})],
        discount_amount=row.discount_amount,
        total_amount=row.total_amount,
        deadline=local_time.long_moment(row.reservation_expires_at, row.timezone, language),
        payment=_open_payment(tx, order_id, row.timezone, language),
        is_vetted=row.is_vetted,
    )


def read_tickets(tx: Transaction, ticket_ids: Sequence[UUID], *, held_by: str | None = None) -> list[Ticket]:
    """The tickets among these that are still valid, and held by this address if one is given, by their items' order."""
    values = {"ticket_ids": list(ticket_ids), "held_by": held_by}
    return [Ticket(**row._mapping) for row in tx.execute(_TICKETS, values)]


def read_held(tx: Transaction, item_ids: Sequence[UUID]) -> list[GoodsLine]:
    """The tickets of these items, valid or void."""
    return [GoodsLine(**row._mapping) for row in tx.execute(_HELD, {"item_ids": list(item_ids)})]


def read_changes(
    tx: Transaction, change_id: UUID, language: str, order_id: UUID | None, item_ids: Sequence[UUID] | None
) -> tuple[list[Change], bool]:
    """A change of the event for the holder of these items, or of the order, and whether it allows a full refund."""
    values = {"change_id": change_id, "order_id": order_id, "item_ids": item_ids and list(item_ids)}
    row = tx.execute(_CHANGE, values).one()
    before, after = (_in_words(facts, language) for facts in (row.before, row.after))
    found = [Change(what, before[what], after[what]) for what in before if before[what] != after[what]]
    tiers = [(row.before["tiers"].get(tier_id), row.after["tiers"].get(tier_id)) for tier_id in row.tier_ids]
    found += [Change("tier", old, new) for old, new in tiers if old and new and old != new]
    return found, row.allows_refund


def _in_words(facts: Mapping[str, Any], language: str) -> dict[str, str]:
    start, end = (datetime.fromisoformat(facts[name]) for name in ("start_date", "end_date"))
    return {
        "title": facts["title"],
        "when": ", ".join(local_time.date_and_time(start, end, facts["timezone"], language)),
        "where": _where(facts["venue"], facts["location"]),
    }


def _where(venue: str | None, location: str) -> str:
    return ", ".join(filter(None, [venue, location]))


def read_goods(tx: Transaction, order_id: UUID | None) -> Goods:
    """An order's products and digital goods. The secrets themselves are in no mail."""
    rows = tx.execute(_GOODS, {"order_id": order_id}).all()
    return Goods(
        pickup_code=tx.execute(_PICKUP_CODE, {"order_id": order_id}).scalar(),
        products=[GoodsLine(row.tier_name, row.quantity) for row in rows if row.kind == TierKind.PRODUCT],
        digital=[GoodsLine(row.tier_name, row.quantity) for row in rows if row.kind == TierKind.DIGITAL],
    )


def read_returned_amount(tx: Transaction, order_id: UUID | None, refund_id: UUID | None) -> int:
    """The amount of this refund of a payment that came too late or twice, or of the order's last such refund."""
    amount: int = tx.execute(_RETURNED, {"order_id": order_id, "refund_id": refund_id}).scalar_one()
    return amount


def read_refund(tx: Transaction, refund_id: UUID) -> Refund:
    """A refund as it stands."""
    return Refund(**tx.execute(_REFUND, {"id": refund_id}).one()._mapping)


def read_payout(tx: Transaction, payout_id: UUID) -> Payout:
    """A payout as it stands."""
    return Payout(**tx.execute(_PAYOUT, {"id": payout_id}).one()._mapping)


def read_bank_account(tx: Transaction, account_id: UUID, language: str) -> BankAccount:
    """A bank account as it was set, with the link that stops it; in the time of Jakarta."""
    row = tx.execute(_BANK_ACCOUNT, {"id": account_id}).one()
    waits_until = local_time.long_moment(row.waits_until, local_time.HOME_ZONE, language) if row.waits_until else None
    return BankAccount(
        bank_code=row.bank_code,
        ending=row.account_number_ending,
        owner_name=row.full_name,
        set_at=local_time.long_moment(row.created_at, local_time.HOME_ZONE, language),
        waits_until=waits_until,
        freeze_url=freeze_page.url(account_id, row.created_at),
    )


def _open_payment(tx: Transaction, order_id: UUID | None, zone: str, language: str) -> Payment | None:
    row = tx.execute(_OPEN_PAYMENT, {"order_id": order_id}).first()
    if row is None:
        return None
    deadline = local_time.long_moment(row.expires_at, zone, language)
    return Payment(row.payment_method, row.amount, row.va_number, row.biller_code, row.redirect_url, deadline)


def _when(row: Any, language: str) -> tuple[str, str]:
    start: datetime = row.start_date
    return local_time.date_and_time(start, row.end_date, row.timezone, language)


_BUILDERS: Mapping[str, Callable[[Transaction, QueuedEmail], dict[str, Any]]] = {
    "verify_email": _code,
    "already_registered": _person,
    "reset_password": _code,
    "confirm_identity": _code,
    "sign_in": _code,
    "link_chat": _code,
    "second_factor": _second_factor,
    "order_confirmation": _order_confirmation,
    "payment_reminder": _payment_reminder,
    "event_reminder": _event_reminder,
    "e_ticket": _e_ticket,
    "goods_ready": _goods_ready,
    "ticket_delayed": _ticket_delayed,
    "ticket_void": _ticket_void,
    "payment_unusable": _payment_unusable,
    "refund_rejected": _refund,
    "refund_completed": _refund_completed,
    "refund_account_needed": _refund_account_needed,
    "top_up_needed": _top_up,
    "payment_in_review": _payment_in_review,
    "event_cancelled": _amount,
    "event_changed": _event_changed,
    "sale_made": _sale_made,
    "sale_digest": _sale_digest,
    "payout_completed": _payout_completed,
    "payout_account_needed": _payout_account_needed,
    "bank_account_set": _bank_account_set,
    "promo_used_late": _promo_used_late,
    "account_deleted": _person,
    "staff_invitation": _invitation,
    "staff_address_taken": _person,
}
