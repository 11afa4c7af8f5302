"""The personal data inventory: everything held about a person, by section (DP-001)."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, TextClause, text

from shared.cloud import media
from shared.cloud.database import Transaction
from shared.privacy import held_tickets
from shared.problems import NotSignedIn
from shared.sales import digital_units
from shared.states import TierKind

Section = dict[str, Any] | list[dict[str, Any]]

_PROFILE = text("""
    SELECT id, email, full_name, legal_name, payee_name, phone, role, organizer_id, language, sale_notices,
        is_email_verified, password_hash IS NOT NULL AS has_password, oauth_provider, oauth_id, photo_object,
        created_at, updated_at
    FROM users WHERE id = :id AND NOT is_deleted
""")
_CONSENTS = text("""
    SELECT terms_version, terms_accepted_at, marketing_opt_in, marketing_changed_at FROM users WHERE id = :id
""")
_ORDERS = text("""
    SELECT o.id, o.event_id, e.title AS event_title, e.start_date AS event_start_date, o.status, o.subtotal,
        o.discount_amount, o.platform_fee, o.total_amount, o.promo_code, o.created_at, o.paid_at, o.ended_at
    FROM orders o JOIN events e ON e.id = o.event_id
    WHERE o.user_id = :id ORDER BY o.created_at, o.id
""")
_OF_ORDERS = {
    "items": text("""
        SELECT i.order_id, i.id, c.name AS tier_name, c.kind AS tier_kind, i.unit_price, i.discount, i.platform_fee,
            i.attendee_name, i.attendee_email, r.identity_ending AS identity_number_ending, b.number AS bib_number
        FROM order_items i JOIN ticket_tiers c ON c.id = i.tier_id
            LEFT JOIN registrations r ON r.item_id = i.id LEFT JOIN bib_numbers b ON b.item_id = i.id
        WHERE i.order_id = ANY(:order_ids) ORDER BY i.order_id, i.position
    """),
    "payments": text("""
        SELECT order_id, id, gateway, gateway_reference, payment_method, channel, va_number, biller_code, status,
            amount, received_amount, created_at, paid_at, ended_at
        FROM payments WHERE order_id = ANY(:order_ids) ORDER BY order_id, attempt
    """),
    "refunds": text("""
        SELECT order_id, id, payment_id, amount, reason, status, rejection_reason, created_at, updated_at
        FROM refunds WHERE order_id = ANY(:order_ids) ORDER BY order_id, created_at
    """),
    "tickets": text("""
        SELECT order_id, id, order_item_id, status, validated_at, gate, created_at
        FROM tickets WHERE order_id = ANY(:order_ids) ORDER BY order_id, created_at, id
    """),
    "pickups": text("""
        SELECT order_id, code, status, picked_up_at, gate, created_at FROM pickups WHERE order_id = ANY(:order_ids)
    """),
}
_LISTS = {
    "held_tickets": held_tickets.READ,
    "promo_uses": text("""
        SELECT p.code, u.uses FROM promo_users u JOIN promos p ON p.id = u.promo_id
        WHERE u.user_id = :id ORDER BY p.code, p.id
    """),
    "waiting_room_places": text("""
        SELECT r.event_id, p.number, p.joined_at, p.entered_at, p.pass_expires_at
        FROM waiting_room_places p JOIN waiting_rooms r ON r.id = p.room_id
        WHERE p.user_id = :id ORDER BY p.joined_at, r.event_id
    """),
    "bank_accounts": text("""
        SELECT bank_code, account_number_ending, account_holder_name, status, created_at, waits_until, is_frozen,
            has_payee_name, replaced_at
        FROM bank_accounts WHERE user_id = :id ORDER BY created_at
    """),
    "payouts": text("""
        SELECT id, event_id, amount, status, created_at, completed_at FROM payouts
        WHERE organizer_id = :id ORDER BY created_at, id
    """),
    "mails": text("""
        SELECT template, to_address, language, status, status_at, created_at, sent_at
        FROM emails  -- Uses index: emails_to
        WHERE to_address = (SELECT email FROM users WHERE id = :id) ORDER BY created_at, id
    """),
    "mail_suppressions": text("""
        SELECT reason, created_at, lifted_at FROM mail_suppressions
        WHERE address_key = (SELECT encode(sha256(convert_to(email, 'UTF8')), 'hex') FROM users WHERE id = :id)
    """),
    "chats": text("""
        SELECT messenger_id, phone, notices, notices_changed_at, last_message_at, created_at
        FROM chat_senders  -- Uses index: chat_senders_user
        WHERE user_id = :id ORDER BY created_at, id
    """),
    "chat_consents": text("""
        SELECT c.choice, c.source, c.wording, c.chosen_at
        FROM chat_consents c JOIN chat_senders s ON s.id = c.sender_id  -- Uses index: chat_consents_sender
        WHERE s.user_id = :id ORDER BY c.id
    """),
    "chat_notices": text("""
        SELECT n.order_id, n.template, n.outcome, n.created_at
        FROM orders o JOIN chat_notices n ON n.order_id = o.id  -- Uses index: chat_notices_order
        WHERE o.user_id = :id ORDER BY n.created_at, n.id
    """),
    "chat_messages_received": text("""
        SELECT u.content, u.sent_at FROM chat_updates u JOIN chat_senders s ON s.id = u.sender_id
        WHERE s.user_id = :id ORDER BY u.id
    """),
    "chat_messages_sent": text("""
        SELECT m.content, m.status, m.created_at, m.sent_at
        FROM chat_messages m JOIN chat_senders s ON s.id = m.sender_id
        WHERE s.user_id = :id ORDER BY m.number
    """),
    "sessions": text("""
        SELECT family_id, created_at, proven_at, expires_at, spent_at, ended_at FROM refresh_tokens
        WHERE user_id = :id ORDER BY created_at
    """),
    "second_factors": text("""
        SELECT enrolled_at, reset_due_at,
            (SELECT count(*) FROM recovery_codes r WHERE r.user_id = f.user_id) AS recovery_codes_left
        FROM second_factors f WHERE user_id = :id
    """),
    "cookie_consents": text("""
        SELECT id, version, categories, chosen_at FROM cookie_consents  -- Uses index: cookie_consents_user
        WHERE user_id = :id ORDER BY chosen_at, id
    """),
    "organized_events": text("""
        SELECT id, title, status, start_date, end_date, created_at FROM events
        WHERE organizer_id = :id ORDER BY created_at, id
    """),
    "organized_promos": text("""
        SELECT id, code, event_id, funded_by, uses, is_active, created_at FROM promos
        WHERE created_by = :id ORDER BY created_at, id
    """),
    "gate_invitations": text("""
        SELECT full_name, created_at FROM staff_invitations  -- Uses index: staff_invitations_email
        WHERE email = (SELECT email FROM users WHERE id = :id) ORDER BY created_at, id
    """),
    "gate_duties": text("""
        SELECT s.event_id, e.title AS event_title, s.created_at FROM event_staff s JOIN events e ON e.id = s.event_id
        WHERE s.user_id = :id ORDER BY s.created_at
    """),
    # Uses indexes: audit_log_subject, audit_log_actor
    "audit": text("""
        SELECT at, actor_id IS NOT DISTINCT FROM :id AS by_you, action, subject, subject_id, details FROM audit_log
        WHERE id IN (
            SELECT id FROM audit_log WHERE actor_id = :id
            UNION SELECT id FROM audit_log WHERE subject = 'user' AND subject_id = CAST(:id AS uuid)::text
            UNION SELECT l.id FROM orders o JOIN audit_log l ON l.subject = 'order' AND l.subject_id = o.id::text
                WHERE o.user_id = :id)
        ORDER BY id
    """),
}


def read(tx: Transaction, user_id: UUID) -> dict[str, Section]:
    """All of it: plain values, UUIDs and moments. Raises NotSignedIn where the account is gone.

    Mails are listed without their text, and secrets (hashes of passwords, codes, tokens) are left out.
    """
    profile = tx.execute(_PROFILE, {"id": user_id}).mappings().first()
    if profile is None:
        raise NotSignedIn("This account is gone.")
    return {
        "profile": _with_photo(profile),
        "consents": dict(tx.execute(_CONSENTS, {"id": user_id}).mappings().one()),
        "orders": _orders(tx, user_id),
        **{name: _rows(tx, query, id=user_id) for name, query in _LISTS.items()},
    }


def _with_photo(profile: RowMapping) -> dict[str, Any]:
    shown = dict(profile)
    photo = shown.pop("photo_object")
    return {**shown, "photo_url": media.url(photo) if photo else None}


def _orders(tx: Transaction, user_id: UUID) -> list[dict[str, Any]]:
    """The orders, each with its items, what they gave (a digital unit as its secret), payments, refunds and so on."""
    orders = _rows(tx, _ORDERS, id=user_id)
    order_ids = [order["id"] for order in orders]
    for name, query in _OF_ORDERS.items():
        parts = _by_order(tx.execute(query, {"order_ids": order_ids}).mappings())
        for order in orders:
            order[name] = parts.get(order["id"], [])
    for order in orders:
        if any(item["tier_kind"] == TierKind.DIGITAL for item in order["items"]):
            given = digital_units.revealed_secrets(tx, order["id"])
            order["items"] = [{**item, "digital_unit": given.get(item["id"])} for item in order["items"]]
    return orders


def _by_order(rows: Iterable[RowMapping]) -> Mapping[UUID, list[dict[str, Any]]]:
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in rows:
        part = dict(row)
        found.setdefault(part.pop("order_id"), []).append(part)
    return found


def _rows(tx: Transaction, query: TextClause, **values: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in tx.execute(query, values).mappings()]
