"""Rows to test with: plain functions with defaults. `tx` first; what matters to the test is what it names."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from shared.cloud import clock
from shared.cloud.database import Transaction, transaction
from shared.identity.tokens import Principal, access_token
from shared.sales import digital_units, orders, reservations
from shared.sales.queue_passes import QueuePass
from shared.sales.reservation_requests import Attendee, ReservationBody, ReservationItem, ReservationRequest
from shared.sales.schemas import OrderResponse
from shared.tickets import holders, issuing, qr

_MORE_ITEMS = text("""
    INSERT INTO order_items (id, order_id, tier_id, position, unit_price, platform_fee, commission, attendee_name,
        attendee_email)
    SELECT gen_random_uuid(), order_id, tier_id, position + number, unit_price, platform_fee, commission,
        'Peserta ' || number, 'peserta' || number || '@example.com'
    FROM order_items, generate_series(1, :count) AS number WHERE id = :item_id
""")
_CODES = text("""
    SELECT t.id, t.event_id, i.attendee_name, t.revision, t.qr_issued_at
    FROM tickets t JOIN order_items i ON i.id = t.order_item_id WHERE t.order_id = :id ORDER BY i.position
""")


@dataclass(frozen=True)
class Event:
    """An event and its tiers, in the order they were given."""

    id: UUID
    organizer_id: UUID
    tier_ids: list[UUID]


@dataclass(frozen=True)
class Stock:
    """A tier's counters."""

    reserved: int
    sold: int
    free: int


def a_user(tx: Transaction, *, role: str = "customer", organizer_id: UUID | None = None, **columns: Any) -> Principal:
    """An account with a verified address."""
    values = {
        "email": f"{uuid4().hex[:12]}@example.com",
        "full_name": "Siti Rahma",
        "password_hash": None,
        "is_email_verified": True,
        **columns,
    }
    user_id = tx.execute(
        text("""
            INSERT INTO users (email, full_name, password_hash, role, organizer_id, is_email_verified,
                terms_version, terms_accepted_at)
            VALUES (:email, :full_name, :password_hash, :role, :organizer_id, :is_email_verified, '1', now())
            RETURNING id
        """),
        {**values, "role": role, "organizer_id": organizer_id},
    ).scalar_one()
    acts_for = {"organizer": user_id, "staff": organizer_id}.get(role)
    return Principal(user_id, role, acts_for)


def a_gate_staff(tx: Transaction, event: "Event") -> Principal:
    """Somebody who scans at this event, and at no other."""
    staff = a_user(tx, role="staff", organizer_id=event.organizer_id)
    tx.execute(
        text("INSERT INTO event_staff (event_id, user_id) VALUES (:event_id, :user_id)"),
        {"event_id": event.id, "user_id": staff.id},
    )
    return staff


def bearer(principal: Principal) -> dict[str, str]:
    """The header with which `principal` calls, who has just proved who they are."""
    now = int(clock.now().timestamp())
    token = access_token(principal.id, principal.role, principal.organizer_id, principal.session_id, auth_time=now)
    return {"Authorization": f"Bearer {token}"}


def a_tier(**columns: Any) -> dict[str, Any]:
    """The values of a tier; `an_event` inserts it."""
    return {
        "name": "Reguler",
        "kind": "ticket",
        "price": 100_000,
        "quota": 10,
        "max_per_order": 5,
        "early_bird_price": None,
        "early_bird_start": None,
        "early_bird_end": None,
        "sale_start": None,
        "sale_end": None,
        **columns,
    }


def an_event(
    tx: Transaction,
    *,
    tiers: Sequence[dict[str, Any]] = (),
    organizer_id: UUID | None = None,
    starts_at: datetime | None = None,
    status: str = "published",
    title: str = "Konser Senja",
    timezone: str = "Asia/Jakarta",
    terms: str = "Tiket tidak dapat dipindahtangankan.",
    gates_open: bool = False,
    **limits: Any,
) -> Event:
    """A published event in thirty days, with one tier of ten tickets at Rp 100.000 unless told otherwise.

    With `gates_open` its tickets are scanned already. `limits`: max_per_person and one_purchase_per_person.
    """
    organizer = organizer_id or a_user(tx, role="organizer").id
    start = starts_at or datetime.now(UTC) + timedelta(days=30)
    chosen = tiers or [a_tier()]
    event_id = tx.execute(
        text("""
            INSERT INTO events (organizer_id, title, slug, description, category, location, venue, start_date,
                end_date, timezone, capacity, terms, status, gates_open_at)
            VALUES (:organizer_id, :title, :slug, 'Malam musik di tepi kota', 'musik', 'Jakarta', 'Istora',
                :start, :end, :timezone, :capacity, :terms, :status, :gates_open_at)
            RETURNING id
        """),
        {
            "organizer_id": organizer,
            "title": title,
            "slug": f"acara-{uuid4().hex[:10]}",
            "start": start,
            "end": start + timedelta(hours=4),
            "timezone": timezone,
            "capacity": sum(tier["quota"] for tier in chosen),
            "terms": terms,
            "status": status,
            "gates_open_at": datetime.now(UTC) - timedelta(hours=1) if gates_open else None,
        },
    ).scalar_one()
    for column, value in limits.items():
        tx.execute(text(f"UPDATE events SET {column} = :value WHERE id = :id"), {"value": value, "id": event_id})
    tier_ids = [
        tx.execute(
            text("""
                INSERT INTO ticket_tiers (event_id, organizer_id, name, kind, price, quota, max_per_order,
                    early_bird_price, early_bird_start, early_bird_end, sale_start, sale_end, event_ends_at,
                    is_on_sale, position)
                VALUES (:event_id, :organizer_id, :name, :kind, :price, :quota, :max_per_order,
                    :early_bird_price, :early_bird_start, :early_bird_end, :sale_start, :sale_end,
                    :event_ends_at, :is_on_sale, :position)
                RETURNING id
            """),
            {
                **tier,
                "event_id": event_id,
                "organizer_id": organizer,
                "event_ends_at": start + timedelta(hours=4),
                "is_on_sale": status == "published",
                "position": position,
            },
        ).scalar_one()
        for position, tier in enumerate(chosen)
    ]
    return Event(event_id, organizer, tier_ids)


def a_promo(tx: Transaction, event: Event, **columns: Any) -> UUID:
    """A code HEMAT that takes 10 % off everything at this event, paid by its organizer, unless told otherwise."""
    values = {
        "code": "HEMAT",
        "organizer_id": event.organizer_id,
        "event_id": event.id,
        "tier_ids": None,
        "percent": None if "amount" in columns else 10,
        "amount": None,
        "max_uses": None,
        "max_uses_per_user": None,
        "starts_at": None,
        "ends_at": None,
        "created_by": event.organizer_id,
        **columns,
    }
    names = ", ".join(values)
    markers = ", ".join(f":{name}" for name in values)
    promo_id: UUID = tx.execute(
        text(f"INSERT INTO promos ({names}) VALUES ({markers}) RETURNING id"), values
    ).scalar_one()
    return promo_id


def stock_units(tier_id: UUID, *secrets: str) -> int:
    """Upload digital goods; how many units the tier has now."""
    with transaction() as tx:
        organizer_id = tx.execute(
            text("SELECT organizer_id FROM ticket_tiers WHERE id = :id"), {"id": tier_id}
        ).scalar()
        return digital_units.add(tx, tier_id, organizer_id, secrets)[1]


def a_nik() -> str:
    """An identity number that nobody else has: that of somebody born in Jakarta since 1960."""
    chance = random.Random(uuid4().int)
    born = date(1960, 1, 1) + timedelta(days=chance.randrange(45 * 365))
    day = born.day + chance.choice((0, 40))
    district = f"{chance.randrange(71, 76)}{chance.randrange(1, 100):02}"
    return f"31{district}{day:02}{born:%m%y}{chance.randrange(1, 10_000):04}"


def reserve(
    buyer: Principal, event: Event, quantities: Sequence[int] = (1,), **asked: Any
) -> reservations.ReservationOutcome:
    """Reserve these quantities of the event's tiers for `buyer`, attendees named."""
    request = ReservationBody(
        event_id=event.id,
        items=[
            ReservationItem(
                tier_id=tier_id,
                quantity=quantity,
                attendees=[
                    Attendee(
                        name=f"Peserta {number}",
                        email=f"peserta{number}@example.com",
                        identity_number=asked.get("identity_number") or a_nik(),
                    )
                    for number in range(1, quantity + 1)
                ],
            )
            for tier_id, quantity in zip(event.tier_ids, quantities, strict=False)
            if quantity
        ],
        promo_code=asked.get("promo_code"),
    )
    queue_pass: QueuePass | None = asked.get("queue_pass")
    asked_for = ReservationRequest(buyer.id, request, asked.get("idempotency_key"), queue_pass)
    return reservations.reserve([asked_for])[0]


def an_order(
    event: Event | None = None,
    *,
    buyer: Principal | None = None,
    quantities: Sequence[int] = (1,),
    promo_code: str | None = None,
    paid: bool = False,
) -> OrderResponse:
    """An order made through the product's own operations, each in its own transaction; paid without a gateway."""
    with transaction() as tx:
        buyer = buyer or a_user(tx)
        event = event or an_event(tx)
    order = reserve(buyer, event, quantities, promo_code=promo_code)
    assert isinstance(order, OrderResponse), order
    if not paid:
        return order
    with transaction() as tx:
        orders.mark_paid(tx, orders.lock(tx, order.id), paid_at=datetime.now(UTC))
    with transaction() as tx:
        return OrderResponse.read(tx, order.id)


def add_tickets(order_id: UUID) -> int:
    """Add the tickets of a paid order, without PDFs and without a word to anybody; how many there were to add."""
    with transaction() as tx:
        return issuing.add_missing(tx, orders.lock(tx, order_id))


def code_of(ticket_id: UUID) -> str:
    """The text of a ticket's QR code, as its buyer sees it."""
    with transaction() as tx:
        buyer_id = tx.execute(
            text("SELECT o.user_id FROM tickets t JOIN orders o ON o.id = t.order_id WHERE t.id = :id"),
            {"id": ticket_id},
        ).scalar_one()
        code = holders.read(tx, Principal(buyer_id, "customer", None), ticket_id).qr
    assert code, "void tickets have no code"
    return code


def tickets_of_a_crowd(event: Event, count: int) -> UUID:
    """An order of so many tickets of the event's first tier, issued at once without PDFs; its id."""
    order = an_order(event, paid=True)
    with transaction() as tx:
        tx.execute(_MORE_ITEMS, {"item_id": order.items[0].id, "count": count - 1})
    assert add_tickets(order.id) == count
    return order.id


def codes_of_a_crowd(event: Event, count: int) -> list[str]:
    """The codes of so many tickets of the event's first tier, in an order of their own."""
    order_id = tickets_of_a_crowd(event, count)
    with transaction() as tx:
        return [qr.encode(qr.QrContent(*row)) for row in tx.execute(_CODES, {"id": order_id})]


def make_overdue(order_id: UUID, *, seconds: int = 1) -> None:
    """Let a live order's time have ended `seconds` ago."""
    with transaction() as tx:
        tx.execute(
            text("UPDATE orders SET reservation_expires_at = now() - make_interval(secs => :s) WHERE id = :id"),
            {"id": order_id, "s": seconds},
        )


def stock(tier_id: UUID) -> Stock:
    """A tier's counters now."""
    with transaction() as tx:
        row = tx.execute(
            text(
                "SELECT reserved, sold, LEAST(quota, units) - reserved - sold AS free FROM ticket_tiers WHERE id = :id"
            ),
            {"id": tier_id},
        ).one()
    return Stock(**row._mapping)
