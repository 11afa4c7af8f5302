"""Purchases at demo events, by people who never sign in: one event is sold out, of another every seat is held."""

from uuid import UUID

from sqlalchemy import text

from infra.local.demo.events import DemoEvent
from shared.cloud.database import transaction
from shared.gateways.statuses import PaymentMethod
from shared.payments import checkout
from shared.payments.checkout import CheckoutRequest
from shared.problems import Problem
from shared.sales import reservations
from shared.sales.reservation_requests import Attendee, ReservationBody, ReservationItem, ReservationRequest
from shared.sales.schemas import OrderResponse

_BUYER = text("""
    INSERT INTO users (email, full_name, role, is_email_verified, terms_version, terms_accepted_at)
    VALUES (:email, :full_name, 'customer', true, 'demo', now())
    ON CONFLICT DO NOTHING
""")
_BUYER_ID = text("SELECT id FROM users WHERE email = :email")
_BUYER_OF = text("SELECT user_id FROM orders WHERE id = :id")
_TIER = text(
    "SELECT id, quota - reserved - sold AS left FROM ticket_tiers WHERE event_id = :event_id ORDER BY position LIMIT 1"
)
# Nobody pays, and nobody is waited for: what is held stays so until the event begins.
_HOLD_ON = text("""
    UPDATE orders o SET reservation_expires_at = e.start_date FROM events e WHERE o.id = :id AND e.id = o.event_id
""")


def take_all(event_id: UUID, event: DemoEvent) -> None:
    """Sell or hold every seat, where that is what becomes of the event."""
    if event.taken == "sold":
        _sell_out(event_id, event.promos[0].code)
    elif event.taken == "held":
        _hold_all(event_id)


def _sell_out(event_id: UUID, guests: str) -> None:
    """Sell every seat to one community, whose code takes the whole price off."""
    bought = _reserve_all(event_id, "komunitas@karcis.example", "Komunitas Tanah Liat", promo_code=guests)
    with transaction() as tx:
        buyer_id: UUID = tx.execute(_BUYER_OF, {"id": bought.id}).scalar_one()
    checkout.checkout(buyer_id, bought.id, CheckoutRequest(payment_method=PaymentMethod.ANY))


def _hold_all(event_id: UUID) -> None:
    """Hold every seat, and pay for none."""
    held = _reserve_all(event_id, "penonton@karcis.example", "Rina Wulandari")
    with transaction() as tx:
        tx.execute(_HOLD_ON, {"id": held.id})


def _reserve_all(event_id: UUID, email: str, full_name: str, *, promo_code: str | None = None) -> OrderResponse:
    """Reserve all that is left of the event's first tier."""
    with transaction() as tx:
        tx.execute(_BUYER, {"email": email, "full_name": full_name})
        buyer_id = tx.execute(_BUYER_ID, {"email": email}).scalar_one()
        tier = tx.execute(_TIER, {"event_id": event_id}).one()
    named = [Attendee(name=f"{full_name} {number}", email=email) for number in range(1, tier.left + 1)]
    wanted = ReservationItem(tier_id=tier.id, quantity=tier.left, attendees=named)
    body = ReservationBody(event_id=event_id, items=[wanted], promo_code=promo_code)
    [outcome] = reservations.reserve([ReservationRequest(buyer_id, body, idempotency_key=f"demo-{event_id}")])
    if isinstance(outcome, Problem):
        raise outcome
    return outcome
