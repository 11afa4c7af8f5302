"""Offers with their codes, and payments of what was ordered in a chat."""

from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import transaction
from shared.payments import sync
from tests.factories import Event, a_tier, an_event
from tests.integration.chat.phones import Phone, Sent, drain
from tests.model.gateways import Gateways


def an_offer(**columns) -> tuple[Event, str]:
    """An event with one tier, and its code."""
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(**columns)])
        code = tx.execute(text("SELECT code FROM ticket_tiers WHERE id = :id"), {"id": event.tier_ids[0]}).scalar()
    return event, str(code)


def newest_payment(phone: Phone) -> tuple[UUID, str, str, str]:
    """The last payment of a phone's account: its id, gateway, the gateway's reference, and its QRIS."""
    with transaction() as tx:
        row = tx.execute(
            text("""
                SELECT p.id, p.gateway, p.gateway_reference, p.qr_string FROM payments p
                    JOIN orders o ON o.id = p.order_id JOIN chat_senders s ON s.user_id = o.user_id
                WHERE s.messenger_id = :id ORDER BY p.created_at DESC LIMIT 1
            """),
            {"id": phone.user_id},
        ).one()
    return row.id, row.gateway, row.gateway_reference, row.qr_string


def pays(phone: Phone, paying: Gateways) -> list[Sent]:
    """Pay the QRIS, and wait for what comes in the chat."""
    before = len(phone.heard)
    payment_id, gateway, _, _ = newest_payment(phone)
    external = payment_reference(payment_id)
    paying.does(gateway, external, "pay")
    sync.sync_payment(payment_id)
    drain(phone.published)
    return phone.heard[before:]


def payment_reference(payment_id: UUID) -> str:
    """Midtrans's name of a payment: our own id of it."""
    with transaction() as tx:
        return str(tx.execute(text("SELECT external_id FROM payments WHERE id = :id"), {"id": payment_id}).scalar())
