"""Asking for a mail: a row in the transaction that gives the reason, sent once that has committed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text

from shared.cloud import outbox
from shared.cloud.database import Transaction
from shared.identity import people
from shared.identity.accounts import Letter

Template = Literal[
    "verify_email",
    "already_registered",
    "reset_password",
    "confirm_identity",
    "order_confirmation",
    "e_ticket",
    "goods_ready",
    "ticket_delayed",
    "ticket_void",
    "payment_unusable",
    "refund_rejected",
    "refund_completed",
    "refund_account_needed",
    "top_up_needed",
    "event_cancelled",
    "event_changed",
    "payout_completed",
    "payout_account_needed",
    "account_deleted",
    "staff_invitation",
    "staff_address_taken",
]

VoidReason = Literal["event_cancelled", "refunded"]

MOST_ATTACHED = 25
"""Of more tickets than this a mail links to the order instead: some two megabytes, and as many reads of storage."""

_ASK = text("""
    INSERT INTO emails (template, once_key, to_address, language, context, order_id)
    VALUES (:template, :once_key, :to, :language, CAST(:context AS jsonb), :order_id)
    ON CONFLICT (once_key) DO NOTHING
    RETURNING id
""")
_BUYER = text("""
    SELECT u.email, u.language FROM orders o JOIN users u ON u.id = o.user_id
    WHERE o.id = :order_id AND NOT u.is_deleted
""")
_TICKETS = text("""
    SELECT t.id, lower(i.attendee_email) AS address FROM tickets t JOIN order_items i ON i.id = t.order_item_id
    WHERE t.order_id = :order_id AND t.status <> 'void' ORDER BY i.position
""")
# Who has deleted their account has left no address of an attendee either.
_HOLDERS = text("""
    SELECT lower(i.attendee_email) AS address, COALESCE(h.language, b.language) AS language,
        array_agg(i.id ORDER BY i.position) AS item_ids
    FROM orders o JOIN users b ON b.id = o.user_id JOIN order_items i ON i.order_id = o.id
        JOIN ticket_tiers c ON c.id = i.tier_id
        LEFT JOIN users h ON h.email = lower(i.attendee_email) AND NOT h.is_deleted
    WHERE o.id = :order_id AND c.kind IN ('ticket', 'registration') AND i.returned_at IS NULL
        AND (CAST(:item_ids AS uuid[]) IS NULL OR i.id = ANY(CAST(:item_ids AS uuid[])))
        AND (CAST(:tier_ids AS uuid[]) IS NULL OR c.id = ANY(CAST(:tier_ids AS uuid[])))
        AND lower(i.attendee_email) <> b.email
    GROUP BY 1, 2 ORDER BY 1
""")
_HAS_GOODS = text("""
    SELECT EXISTS (SELECT 1 FROM order_items i JOIN ticket_tiers c ON c.id = i.tier_id
        WHERE i.order_id = :order_id AND c.kind IN ('product', 'digital'))
""")


def ask(
    tx: Transaction,
    template: Template,
    *,
    once_key: str,
    to: str,
    language: str = "id",
    context: Mapping[str, Any],
    order_id: UUID | None = None,
) -> None:
    """Have a mail sent to `to` once `tx` has committed. The same `once_key` is asked for once, ever.

    `context` is what the database can't tell when the mail is sent: ids, or a one-time `code`, which is
    forgotten once it is sent. For a mail about an order see `ask_about_order`.
    """
    email_id = tx.execute(
        _ASK,
        {
            "template": template,
            "once_key": once_key,
            "to": to,
            "language": language,
            "context": json.dumps(context, default=str),
            "order_id": order_id,
        },
    ).scalar()
    if email_id is not None:
        outbox.add(tx, "email.requested", {"email_id": email_id})


def ask_letter(tx: Transaction, letter: Letter | None) -> None:
    """Have a letter of the identity room sent, if there is one."""
    if letter:
        ask(
            tx,
            letter.template,
            once_key=letter.once_key,
            to=letter.to,
            language=letter.language,
            context=letter.context,
        )


def ask_about_order(
    tx: Transaction,
    template: Template,
    order_id: UUID,
    *,
    once_key: str,
    context: Mapping[str, Any] | None = None,
) -> None:
    """Have an order's buyer told, in their language. Who has deleted their account is left alone.

    `context` for payment_unusable and the refund_... mails: the `refund_id`; for top_up_needed and
    event_cancelled the `amount` in rupiah.
    """
    buyer = tx.execute(_BUYER, {"order_id": order_id}).first()
    if buyer:
        ask(
            tx,
            template,
            once_key=once_key,
            to=buyer.email,
            language=buyer.language,
            context=context or {},
            order_id=order_id,
        )


def ask_holders(
    tx: Transaction,
    template: Template,
    order_id: UUID,
    item_ids: Sequence[UUID] | None = None,
    *,
    tier_ids: Sequence[UUID] | None = None,
    once_key: str,
    context: Mapping[str, Any] | None = None,
) -> None:
    """Have those told who hold tickets of an order that somebody else bought, each once, in their language.

    Only those who hold `item_ids`, or tickets of `tier_ids`, if given. The mail is about their tickets (`item_ids`
    of the context) and tells nothing else of the order.
    """
    chosen = {"item_ids": item_ids and list(item_ids), "tier_ids": tier_ids and list(tier_ids)}
    for holder in tx.execute(_HOLDERS, {"order_id": order_id, **chosen}):
        ask(
            tx,
            template,
            once_key=f"{once_key}:{holder.item_ids[0]}",
            to=holder.address,
            language=holder.language,
            context={**(context or {}), "item_ids": holder.item_ids, "to_buyer": False},
            order_id=order_id,
        )


def ask_ticket_delayed(tx: Transaction, order_id: UUID) -> None:
    """Tell a buyer, and whoever waits for a ticket of the order, that the tickets come later (PS-023)."""
    once_key = f"ticket_delayed:{order_id}"
    ask_about_order(tx, "ticket_delayed", order_id, once_key=once_key)
    ask_holders(tx, "ticket_delayed", order_id, once_key=once_key)


def ask_ticket_void(tx: Transaction, order_id: UUID, item_ids: Sequence[UUID], reason: VoidReason) -> None:
    """Tell who holds tickets that they are no longer valid. Call it before the items are given back."""
    ask_holders(
        tx, "ticket_void", order_id, item_ids, once_key=f"ticket_void:{reason}:{order_id}", context={"reason": reason}
    )


def ask_event_changed(tx: Transaction, order_id: UUID, change_id: UUID, tier_ids: Sequence[UUID] | None) -> None:
    """Tell an order's buyer and the holders of its tickets (of `tier_ids`, if given) what has changed of the event."""
    once_key, context = f"event_changed:{change_id}:{order_id}", {"change_id": change_id}
    ask_about_order(tx, "event_changed", order_id, once_key=once_key, context=context)
    ask_holders(tx, "event_changed", order_id, tier_ids=tier_ids, once_key=once_key, context=context)


def ask_person(
    tx: Transaction, template: Template, user_id: UUID, *, once_key: str, context: Mapping[str, Any]
) -> None:
    """Have somebody told, in their language. Who has deleted their account is left alone."""
    person = people.get(tx, user_id)
    if person:
        ask(tx, template, once_key=once_key, to=person.email, language=person.language, context=context)


def ask_refund_completed(tx: Transaction, refund_id: UUID, order_id: UUID) -> None:
    """Tell a buyer that their money is back (NS-006)."""
    ask_about_order(
        tx, "refund_completed", order_id, once_key=f"refund_completed:{refund_id}", context={"refund_id": refund_id}
    )


def ask_e_tickets(tx: Transaction, order_id: UUID) -> None:
    """Send all tickets of an order to its buyer, and to each other attendee's address its own (TS-018).

    Who is not the buyer can't open the order: of many tickets, they get several mails with MOST_ATTACHED each.
    """
    tickets = tx.execute(_TICKETS, {"order_id": order_id}).all()
    buyer = tx.execute(_BUYER, {"order_id": order_id}).first()
    if not tickets or not buyer:
        return
    recipients = [(buyer.email, [ticket.id for ticket in tickets]), *_others(tickets, buyer.email)]
    for address, ticket_ids in recipients:
        is_buyer = address == buyer.email
        ask(
            tx,
            "e_ticket",
            once_key=f"e_ticket:{order_id}" if is_buyer else f"e_ticket:{order_id}:{ticket_ids[0]}",
            to=address,
            language=buyer.language,
            context={"ticket_ids": ticket_ids, "to_buyer": is_buyer},
            order_id=order_id,
        )


def ask_goods(tx: Transaction, order_id: UUID) -> None:
    """Tell the buyer of products their pickup code, and the buyer of digital goods where to see them (PROD-1)."""
    if tx.execute(_HAS_GOODS, {"order_id": order_id}).scalar_one():
        ask_about_order(tx, "goods_ready", order_id, once_key=f"goods_ready:{order_id}")


def _others(tickets: Iterable[Any], buyer_address: str) -> list[tuple[str, list[UUID]]]:
    """The tickets of each attendee's address that isn't the buyer's, as many as a mail takes."""
    found: dict[str, list[UUID]] = {}
    for ticket in tickets:
        if ticket.address and ticket.address != buyer_address:
            found.setdefault(ticket.address, []).append(ticket.id)
    return [
        (address, ids[first : first + MOST_ATTACHED])
        for address, ids in found.items()
        for first in range(0, len(ids), MOST_ATTACHED)
    ]
