"""Queries for the events, tiers and orders that a conversation shows."""

from collections import Counter
from uuid import UUID

from sqlalchemy import text

from shared.catalog import events, search, tiers
from shared.catalog.search import EventSearch
from shared.catalog.tiers import TierResponse
from shared.chat.contents import EventRow, EventsFound, OrderSummary, TierRow, TiersFound
from shared.cloud.database import Transaction
from shared.gateways.whatsapp.messages import MAX_ROWS
from shared.identity.tokens import Principal
from shared.models import Listing
from shared.problems import NotFound
from shared.sales import schemas as sales_schemas
from shared.sales.schemas import OrderWithEventResponse, PaymentResponse
from shared.states import PaymentStatus, TicketStatus, TierKind

_TIER_OF_CODE = text("SELECT id, event_id FROM ticket_tiers WHERE code = :code")
_KINDS = text("""
    SELECT count(*) FILTER (WHERE t.kind IN ('ticket', 'registration') AND i.attendee_name IS NULL) AS unnamed,
        COALESCE(bool_or(t.kind = 'product'), false) AS has_products,
        count(*) FILTER (WHERE t.kind = 'digital') AS digital_units
    FROM order_items i JOIN ticket_tiers t ON t.id = i.tier_id
    WHERE i.order_id = :order_id AND i.returned_at IS NULL
""")
_PAID = text("""
    SELECT o.id, e.end_date > now() AS is_ahead
    FROM orders o JOIN events e ON e.id = o.event_id  -- Uses index: orders_user
    WHERE o.user_id = :user_id AND o.status = 'paid'
    ORDER BY e.end_date > now() DESC, CASE WHEN e.end_date > now() THEN e.start_date END, o.created_at DESC LIMIT :most
""")
MAX_PURCHASES = 5
"""The most orders whose tickets are sent once more together."""


def upcoming_events(tx: Transaction) -> EventsFound:
    """The next events: as many as a list shows, and one by which it is known that there are more."""
    listing: Listing[events.EventResponse] = search.search_upcoming(tx, EventSearch(page_size=MAX_ROWS + 1))
    rows = (
        EventRow(id=event.id, title=event.title, starts_at=event.start_date, timezone=event.timezone)
        for event in listing.items
    )
    return EventsFound(events=tuple(rows))


def tiers_of_event(tx: Transaction, event_id: UUID) -> TiersFound:
    """The tiers of a published event. Raises NotFound."""
    event = events.read(tx, None, str(event_id))
    return TiersFound(title=event.title, tiers=tuple(_tier(tier, event.slug) for tier in event.tiers))


def tier_of_code(tx: Transaction, code: str) -> TiersFound:
    """The tier of a code, if its event is published."""
    found = find_tier(tx, code)
    if found is None:
        return TiersFound(title="", tiers=())
    tier_id, event_id = found
    try:
        event = events.read(tx, None, str(event_id))
    except NotFound:  # a draft, of which nobody hears
        return TiersFound(title="", tiers=())
    return TiersFound(title=event.title, tiers=(_tier(tiers.read(tx, tier_id), event.slug),))


def find_tier(tx: Transaction, code: str) -> tuple[UUID, UUID] | None:
    """The tier of a code, and its event."""
    row = tx.execute(_TIER_OF_CODE, {"code": code}).first()
    return (row.id, row.event_id) if row else None


def order(tx: Transaction, order_id: UUID, user_id: UUID) -> OrderSummary:
    """An order of this buyer. Raises NotFound, also for the orders of others (ISO-1)."""
    found = sales_schemas.read_visible(tx, order_id, buyer(user_id))
    kinds = tx.execute(_KINDS, {"order_id": order_id}).one()
    return OrderSummary(
        id=found.id,
        status=found.status,
        event_title=found.event.title,
        lines=_lines(found),
        subtotal=found.subtotal,
        platform_fee=found.platform_fee,
        discount=found.discount_amount,
        total=found.total_amount,
        expires_at=found.reservation_expires_at,
        ticket_ids=tuple(ticket.id for ticket in found.tickets if ticket.status == TicketStatus.ISSUED),
        **kinds._mapping,
        **_payment(_awaited(found)),
    )


def purchases(tx: Transaction, user_id: UUID) -> tuple[OrderSummary, ...]:
    """The paid orders of events that are not over, the next event first; the newest one if there is none."""
    rows = tx.execute(_PAID, {"user_id": user_id, "most": MAX_PURCHASES}).all()
    ahead = [row for row in rows if row.is_ahead]
    return tuple(order(tx, row.id, user_id) for row in ahead or rows[:1])


def buyer(user_id: UUID) -> Principal:
    """The principal of a sender: a customer, whatever the role of the account on the site."""
    return Principal(user_id, "customer", None)


def _lines(found: OrderWithEventResponse) -> tuple[str, ...]:
    counted = Counter(item.tier_name for item in found.items)
    return tuple(f"{quantity} × {name}" for name, quantity in counted.items())


def _awaited(found: OrderWithEventResponse) -> PaymentResponse | None:
    waiting = [each for each in found.payments if each.status == PaymentStatus.PENDING and not each.is_opening]
    return waiting[-1] if waiting else None


def _payment(payment: PaymentResponse | None) -> dict[str, object]:
    if payment is None:
        return {}
    return {
        "payment_id": payment.id,
        "has_qris": payment.qr_string is not None,
        "payment_url": payment.redirect_url,
        "payment_amount": payment.amount,
    }


def _tier(tier: TierResponse, slug: str) -> TierRow:
    return TierRow(
        code=tier.code,
        name=tier.name,
        price=tier.current_price,
        available=tier.available,
        most=tier.max_per_order,
        on_sale=tier.on_sale,
        needs_identity=tier.requires_identity or tier.kind == TierKind.REGISTRATION,
        slug=slug,
    )
