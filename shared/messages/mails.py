"""Enqueueing of mails: a row in the transaction that gives the reason, sent once that has committed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text

from shared.cloud import clock, outbox
from shared.cloud.database import Transaction
from shared.identity import messenger_accounts, people
from shared.identity.accounts import AccountEmail
from shared.messages import chat_notices, quotas, suppressions, template_context
from shared.messages.template_context import MAX_ATTACHMENTS
from shared.problems import Problem
from shared.sales.attendees import HolderChanged

Template = Literal[
    "verify_email",
    "already_registered",
    "reset_password",
    "confirm_identity",
    "sign_in",
    "link_chat",
    "second_factor",
    "order_confirmation",
    "payment_reminder",
    "event_reminder",
    "e_ticket",
    "goods_ready",
    "ticket_delayed",
    "ticket_void",
    "payment_unusable",
    "refund_rejected",
    "refund_completed",
    "refund_account_needed",
    "top_up_needed",
    "payment_in_review",
    "event_cancelled",
    "event_changed",
    "sale_made",
    "sale_digest",
    "payout_completed",
    "payout_account_needed",
    "bank_account_set",
    "promo_used_late",
    "account_deleted",
    "staff_invitation",
    "staff_address_taken",
]

VoidReason = Literal["event_cancelled", "refunded", "replaced"]
Occasion = Literal["paid", "resent", "changed"]
"""The reason why e-tickets are sent: they are new, were requested again, or replace others."""

MAX_HOLDERS = 100
"""The most attendees that an order's e-tickets are mailed to; the buyer has those of all others."""
MAX_RESENDS = 3
"""The most times a day that an order's e-tickets are sent again, and a ticket's holder is told of a change."""

MAX_PER_BUYER, MAX_PER_EVENT, MAX_PER_ADDRESS = 50, 500, 3
"""The most attendees a day that are mailed by orders of free tickets, see `_may_be_mailed`."""

# Who is known by their messenger alone has no address: the chat tells them.
_ENQUEUE = text(f"""
    INSERT INTO emails (template, once_key, to_address, language, context, order_id)
    SELECT :template, :dedupe_key, :to, :language, CAST(:context AS jsonb), :order_id
    WHERE NOT CAST(:to AS text) {messenger_accounts.IS_MARKER}
    ON CONFLICT (once_key) DO NOTHING
    RETURNING id
""")
_ENQUEUE_ALL = text(f"""
    INSERT INTO emails (template, once_key, to_address, language, context, order_id)
    SELECT :template, m.dedupe_key, m.to, m.language, m.context, m.order_id
    FROM jsonb_to_recordset(CAST(:mails AS jsonb))
        AS m(dedupe_key text, "to" text, language text, context jsonb, order_id uuid)
    WHERE NOT m.to {messenger_accounts.IS_MARKER}
    ON CONFLICT (once_key) DO NOTHING
    RETURNING id
""")
# Only buyers who have a chat: by far the most have none, and leave no row.
_ENQUEUE_NOTICES = text("""
    INSERT INTO chat_notices (dedupe_key, template, order_id, context)
    SELECT n.dedupe_key, :template, n.order_id, n.context
    FROM jsonb_to_recordset(CAST(:notices AS jsonb)) AS n(dedupe_key text, "to" text, order_id uuid, context jsonb)
        JOIN orders o ON o.id = n.order_id JOIN users u ON u.id = o.user_id AND u.email = n.to
    WHERE EXISTS (SELECT 1 FROM chat_senders s WHERE s.user_id = u.id)  -- Uses index: chat_senders_user
    ON CONFLICT (dedupe_key) DO NOTHING
    RETURNING id
""")
_BUYER = text("""
    SELECT u.email, u.language FROM orders o JOIN users u ON u.id = o.user_id
    WHERE o.id = :order_id AND NOT u.is_deleted
""")
_TICKETS = text("""
    SELECT t.id, lower(i.attendee_email) AS address, COALESCE(h.language, b.language) AS language
    FROM tickets t JOIN order_items i ON i.id = t.order_item_id
        JOIN orders o ON o.id = t.order_id JOIN users b ON b.id = o.user_id
        LEFT JOIN users h ON h.email = lower(i.attendee_email) AND NOT h.is_deleted
    WHERE t.order_id = :order_id AND t.status <> 'void'
        AND (CAST(:ticket_ids AS uuid[]) IS NULL OR t.id = ANY(CAST(:ticket_ids AS uuid[])))
    ORDER BY i.position
""")
_IS_ISSUED = text("""
    SELECT EXISTS (SELECT 1 FROM orders o JOIN tickets t ON t.order_id = o.id AND t.status <> 'void'
        WHERE o.id = :order_id AND o.status = 'paid' AND o.tickets_issued_at IS NOT NULL)
""")
_CAUSE = text(f"""
    SELECT o.user_id, o.event_id, {template_context.IS_VETTED} AS is_vetted, b.is_email_verified AS is_buyer_proven,
        EXISTS (SELECT 1 FROM emails m JOIN orders p ON p.id = m.order_id  -- Uses index: emails_to
            WHERE m.to_address = :address AND m.template = 'e_ticket' AND p.event_id = o.event_id) AS is_told
    FROM orders o JOIN users b ON b.id = o.user_id WHERE o.id = :order_id
""")
_ADDRESS = text("SELECT lower(attendee_email) FROM order_items WHERE id = :item_id")
# A ticket's end or change is no news to who was mailed none, and the quotas of e-tickets would not hold.
_IS_TOLD = f"""
    (o.paid_at IS NOT NULL AND ({template_context.IS_VETTED} OR EXISTS (
        SELECT 1 FROM emails m  -- Uses index: emails_to
        WHERE m.to_address = {{address}} AND m.order_id = o.id AND m.template = 'e_ticket')))
"""
# Former holders of a ticket that somebody else bought.
_FORMER = text(f"""
    SELECT COALESCE(h.language, b.language) AS language
    FROM order_items i JOIN orders o ON o.id = i.order_id JOIN users b ON b.id = o.user_id
        LEFT JOIN users h ON h.email = :address AND NOT h.is_deleted
    WHERE i.id = :item_id AND b.email <> :address AND lower(i.attendee_email) IS DISTINCT FROM :address
        AND {_IS_TOLD.format(address=":address")}
""")
# A deleted account has left no address of an attendee either.
_HOLDERS = text(f"""
    SELECT lower(i.attendee_email) AS address, COALESCE(h.language, b.language) AS language,
        array_agg(i.id ORDER BY i.position) AS item_ids
    FROM orders o JOIN users b ON b.id = o.user_id JOIN order_items i ON i.order_id = o.id
        JOIN ticket_tiers c ON c.id = i.tier_id
        LEFT JOIN users h ON h.email = lower(i.attendee_email) AND NOT h.is_deleted
    WHERE o.id = :order_id AND c.kind IN ('ticket', 'registration') AND i.returned_at IS NULL
        AND (CAST(:item_ids AS uuid[]) IS NULL OR i.id = ANY(CAST(:item_ids AS uuid[])))
        AND (CAST(:tier_ids AS uuid[]) IS NULL OR c.id = ANY(CAST(:tier_ids AS uuid[])))
        AND lower(i.attendee_email) <> b.email AND {_IS_TOLD.format(address="lower(i.attendee_email)")}
    GROUP BY 1, 2 ORDER BY 1
""")
_COMPLETED_REFUND = text("""
    SELECT (SELECT max(attempt) FROM disbursements d WHERE d.refund_id = r.id AND d.status = 'succeeded') AS transfer
    FROM refunds r WHERE r.id = :refund_id AND r.status = 'completed'
""")
_TRANSFER = text("""
    SELECT p.organizer_id, d.id AS transfer_id FROM payouts p JOIN disbursements d ON d.payout_id = p.id
    WHERE p.id = :payout_id AND p.status = 'completed' AND d.status = 'succeeded' ORDER BY d.attempt DESC LIMIT 1
""")
_HAS_GOODS = text("""
    SELECT EXISTS (SELECT 1 FROM order_items i JOIN ticket_tiers c ON c.id = i.tier_id
        WHERE i.order_id = :order_id AND c.kind IN ('product', 'digital'))
""")


_ANONYMISE = text("""
    UPDATE emails
    SET to_address = :marker, context = '{}',
        status = CASE WHEN status = 'queued' THEN 'failed' ELSE status END,
        error_message = CASE WHEN status = 'queued' THEN 'the account was deleted' ELSE error_message END
    WHERE id IN (SELECT id FROM emails WHERE to_address = :email
        UNION SELECT m.id FROM emails m JOIN orders o ON o.id = m.order_id WHERE o.user_id = :user_id)
""")


@dataclass(frozen=True)
class MailRequest:
    """A mail to enqueue together with others of its template; see `enqueue`."""

    dedupe_key: str
    to: str
    language: str
    context: Mapping[str, Any]
    order_id: UUID | None = None


class TicketsNotIssued(Problem):
    """This order has no tickets to send: it isn't paid, they are being made, or they were given back."""

    status, slug = 409, "tickets-not-issued"


def enqueue(
    tx: Transaction,
    template: Template,
    *,
    dedupe_key: str,
    to: str,
    language: str = "id",
    context: Mapping[str, Any],
    order_id: UUID | None = None,
) -> None:
    """Enqueue a mail to `to`, sent once `tx` has committed. The same `dedupe_key` is enqueued once, ever.

    A buyer who has a chat with us gets a notice there too (`chat_notices`).

    `context` is what the database can't tell when the mail is sent: ids, or a one-time `code`, which is
    forgotten once it is sent. For a mail about an order see `enqueue_about_order`.
    """
    email_id = tx.execute(
        _ENQUEUE,
        {
            "template": template,
            "dedupe_key": dedupe_key,
            "to": to,
            "language": language,
            "context": json.dumps(context, default=str),
            "order_id": order_id,
        },
    ).scalar()
    if email_id is not None:
        outbox.add(tx, "email.requested", {"email_id": email_id})
    _enqueue_notices(tx, template, [MailRequest(dedupe_key, to, language, context, order_id)])


def enqueue_all(tx: Transaction, template: Template, requests: Sequence[MailRequest]) -> int:
    """Enqueue many mails of one template in one statement, each as `enqueue` does; return how many are new."""
    written = json.dumps([asdict(each) for each in requests], default=str)
    email_ids = tx.execute(_ENQUEUE_ALL, {"template": template, "mails": written}).scalars().all()
    outbox.add_all(tx, "email.requested", [{"email_id": email_id} for email_id in email_ids])
    _enqueue_notices(tx, template, requests)
    return len(email_ids)


def _enqueue_notices(tx: Transaction, template: Template, requests: Sequence[MailRequest]) -> None:
    """Enqueue what these mails say as notices for buyers who have a chat, where a chat may show this template."""
    to_buyers = [asdict(each) for each in requests if each.order_id and each.context.get("to_buyer", True)]
    if template in chat_notices.KINDS and to_buyers:
        values = {"template": template, "notices": json.dumps(to_buyers, default=str)}
        added = tx.execute(_ENQUEUE_NOTICES, values).scalars().all()
        outbox.add_all(tx, chat_notices.TOPIC, [{"notice_id": notice_id} for notice_id in added])


def enqueue_for_account(tx: Transaction, email: AccountEmail | None) -> None:
    """Enqueue a mail about an account, if there is one. An address that bounced is tried again once a day."""
    if email:
        suppressions.retry_bounce(tx, email.to)
        enqueue(
            tx,
            email.template,
            dedupe_key=email.dedupe_key,
            to=email.to,
            language=email.language,
            context=email.context,
        )


def enqueue_about_order(
    tx: Transaction,
    template: Template,
    order_id: UUID,
    *,
    dedupe_key: str,
    context: Mapping[str, Any] | None = None,
) -> None:
    """Enqueue a mail to an order's buyer, in their language. Deleted accounts get none.

    `context` for payment_unusable and the refund_... mails: the `refund_id`; for event_cancelled the
    `amount` in rupiah; for top_up_needed the missing `amount` and what was `received`; for payment_in_review what was
    `received` and `asked`.
    """
    buyer = tx.execute(_BUYER, {"order_id": order_id}).first()
    if buyer:
        enqueue(
            tx,
            template,
            dedupe_key=dedupe_key,
            to=buyer.email,
            language=buyer.language,
            context=context or {},
            order_id=order_id,
        )


def enqueue_to_holders(
    tx: Transaction,
    template: Template,
    order_id: UUID,
    item_ids: Sequence[UUID] | None = None,
    *,
    tier_ids: Sequence[UUID] | None = None,
    dedupe_key: str,
    context: Mapping[str, Any] | None = None,
) -> None:
    """Enqueue a mail to each holder of tickets of a paid order that somebody else bought, in their language.

    Only those who hold `item_ids`, or tickets of `tier_ids`, if given; and of free orders whose organizer no bank knows
    only those who were mailed their ticket (`_may_be_mailed`). The mail is about their tickets (`item_ids` of the
    context) and tells nothing else of the order.
    """
    chosen = {"item_ids": item_ids and list(item_ids), "tier_ids": tier_ids and list(tier_ids)}
    for holder in tx.execute(_HOLDERS, {"order_id": order_id, **chosen}):
        enqueue(
            tx,
            template,
            dedupe_key=f"{dedupe_key}:{holder.item_ids[0]}",
            to=holder.address,
            language=holder.language,
            context={**(context or {}), "item_ids": holder.item_ids, "to_buyer": False},
            order_id=order_id,
        )


def enqueue_ticket_delayed(tx: Transaction, order_id: UUID) -> None:
    """Tell a buyer, and whoever waits for a ticket of the order, that the tickets come later (PS-023)."""
    dedupe_key = f"ticket_delayed:{order_id}"
    enqueue_about_order(tx, "ticket_delayed", order_id, dedupe_key=dedupe_key)
    enqueue_to_holders(tx, "ticket_delayed", order_id, dedupe_key=dedupe_key)


def enqueue_ticket_void(tx: Transaction, order_id: UUID, item_ids: Sequence[UUID], reason: VoidReason) -> None:
    """Tell who holds tickets that they are no longer valid. Call it before the items are given back."""
    enqueue_to_holders(
        tx, "ticket_void", order_id, item_ids, dedupe_key=f"ticket_void:{reason}:{order_id}", context={"reason": reason}
    )


def enqueue_event_changed(tx: Transaction, order_id: UUID, change_id: UUID, tier_ids: Sequence[UUID] | None) -> None:
    """Tell an order's buyer and the holders of its tickets (of `tier_ids`, if given) what has changed of the event."""
    dedupe_key, context = f"event_changed:{change_id}:{order_id}", {"change_id": change_id}
    enqueue_about_order(tx, "event_changed", order_id, dedupe_key=dedupe_key, context=context)
    enqueue_to_holders(tx, "event_changed", order_id, tier_ids=tier_ids, dedupe_key=dedupe_key, context=context)


def enqueue_to_person(
    tx: Transaction, template: Template, user_id: UUID, *, dedupe_key: str, context: Mapping[str, Any]
) -> None:
    """Enqueue a mail to a person, in their language. Deleted accounts get none."""
    person = people.get(tx, user_id)
    if person:
        enqueue(tx, template, dedupe_key=dedupe_key, to=person.email, language=person.language, context=context)


def enqueue_refund_completed(tx: Transaction, refund_id: UUID, order_id: UUID) -> None:
    """Tell a buyer that their money is back (NS-006), again where a bank had returned it and it is sent anew."""
    completed = tx.execute(_COMPLETED_REFUND, {"refund_id": refund_id}).first()
    if completed:
        key = f"refund_completed:{refund_id}" + (f":{completed.transfer}" if (completed.transfer or 1) > 1 else "")
        enqueue_about_order(tx, "refund_completed", order_id, dedupe_key=key, context={"refund_id": refund_id})


def enqueue_payout_completed(tx: Transaction, payout_id: UUID) -> None:
    """Tell an organizer that their money has been sent (FN-012), once for each transfer that carried it."""
    row = tx.execute(_TRANSFER, {"payout_id": payout_id}).first()
    if row:
        enqueue_to_person(
            tx,
            "payout_completed",
            row.organizer_id,
            dedupe_key=f"payout_completed:{row.transfer_id}",
            context={"payout_id": payout_id},
        )


def enqueue_purchase(tx: Transaction, order_id: UUID) -> None:
    """Send what an order has bought: its tickets, a pickup code for products, where digital goods are seen (PROD-1)."""
    enqueue_e_tickets(tx, order_id)
    if tx.execute(_HAS_GOODS, {"order_id": order_id}).scalar_one():
        enqueue_about_order(tx, "goods_ready", order_id, dedupe_key=f"goods_ready:{order_id}")


def enqueue_e_tickets(
    tx: Transaction,
    order_id: UUID,
    ticket_ids: Sequence[UUID] | None = None,
    *,
    occasion: Occasion = "paid",
    dedupe_key: str | None = None,
) -> None:
    """Send tickets of an order (all, if not given) to its buyer, and to each other attendee their own (TS-018).

    Holders who are not the buyer can't open the order: for many tickets they get several mails of MAX_ATTACHMENTS each.
    """
    rows = tx.execute(_TICKETS, {"order_id": order_id, "ticket_ids": ticket_ids and list(ticket_ids)}).all()
    buyer = tx.execute(_BUYER, {"order_id": order_id}).first()
    if not rows or not buyer:
        return
    key = dedupe_key or f"e_ticket:{order_id}"
    others = _others(rows, buyer.email)
    mailed = [holder for holder in sorted(others)[:MAX_HOLDERS] if _may_be_mailed(tx, order_id, holder)]
    context: dict[str, Any] = {"ticket_ids": [row.id for row in rows], "to_buyer": True}
    if len(mailed) < len(others):
        context["untold"] = len(others) - len(mailed)
    recipients = [(buyer.email, buyer.language, key, context)]
    for holder, own in ((holder, others[holder]) for holder in mailed):
        for first in range(0, len(own), MAX_ATTACHMENTS):
            ticket_ids = [row.id for row in own[first : first + MAX_ATTACHMENTS]]
            context = {"ticket_ids": ticket_ids, "to_buyer": False}
            recipients.append((holder, own[0].language, f"{key}:{ticket_ids[0]}", context))
    for to, language, once, context in recipients:
        enqueue(
            tx,
            "e_ticket",
            dedupe_key=once,
            to=to,
            language=language,
            context=context if occasion == "paid" else {**context, "occasion": occasion},
            order_id=order_id,
        )


def enqueue_e_tickets_again(tx: Transaction, order_id: UUID) -> None:
    """Send all tickets of an order once more. Raises TicketsNotIssued, TooManyMails."""
    if not tx.execute(_IS_ISSUED, {"order_id": order_id}).scalar():
        raise TicketsNotIssued
    number = quotas.try_take(tx, f"resend:{order_id}", most=MAX_RESENDS)
    if not number:
        raise quotas.TooManyMails(retry_after_seconds=quotas.RETRY_AFTER_SECONDS)
    key = f"e_ticket:{order_id}:again:{clock.now():%Y-%m-%d}:{number}"
    enqueue_e_tickets(tx, order_id, occasion="resent", dedupe_key=key)


def enqueue_holder_changed(tx: Transaction, changed: HolderChanged) -> None:
    """Send a ticket to who holds it now, and tell who held it before where their code is void. Raises TooManyMails.

    A buyer's used-up quota doesn't keep the organizer from putting a ticket right.
    """
    who = "buyer" if changed.is_by_buyer else "organizer"
    number = quotas.try_take(tx, f"holder:{who}:{changed.ticket_id}", most=MAX_RESENDS)
    if not number:
        raise quotas.TooManyMails(retry_after_seconds=quotas.RETRY_AFTER_SECONDS)
    _try_new_address(tx, changed)
    key = f"{changed.ticket_id}:{clock.now():%Y-%m-%d}:{who}:{number}"
    occasion: Occasion = "changed" if changed.is_renewed else "resent"
    enqueue_e_tickets(tx, changed.order_id, [changed.ticket_id], occasion=occasion, dedupe_key=f"e_ticket:{key}")
    if changed.is_renewed and changed.old_email:
        _enqueue_replaced(tx, changed, changed.old_email, dedupe_key=f"ticket_void:replaced:{key}")


def _try_new_address(tx: Transaction, changed: HolderChanged) -> None:
    """Try an address again that bounced once, as a ticket's holder was corrected to it."""
    address = tx.execute(_ADDRESS, {"item_id": changed.item_id}).scalar()
    if address and address != changed.old_email:
        suppressions.lift_bounce(tx, address)


def _enqueue_replaced(tx: Transaction, changed: HolderChanged, old_email: str, *, dedupe_key: str) -> None:
    whose = {"order_id": changed.order_id, "item_id": changed.item_id, "address": old_email}
    former = tx.execute(_FORMER, whose).first()
    if former:
        context = {"reason": "replaced", "item_ids": [changed.item_id], "to_buyer": False}
        enqueue(
            tx,
            "ticket_void",
            dedupe_key=dedupe_key,
            to=old_email,
            language=former.language,
            context=context,
            order_id=changed.order_id,
        )


def _may_be_mailed(tx: Transaction, order_id: UUID, address: str) -> bool:
    """True if an attendee may be mailed their ticket.

    Where no money was paid and no bank knows the organizer: once for each event, only of a buyer whose own address is
    proved, and so often a day as the quotas of the buyer, the event and the address allow.
    """
    order = tx.execute(_CAUSE, {"order_id": order_id, "address": address}).one()
    if order.is_vetted:
        return True
    if order.is_told or not order.is_buyer_proven:
        return False
    key = quotas.address_key(address)
    most = {
        f"buyer:{order.user_id}": MAX_PER_BUYER,
        f"event:{order.event_id}": MAX_PER_EVENT,
        f"holder:{order.event_id}:{key}": 1,
        f"address:{key}": MAX_PER_ADDRESS,
    }
    return quotas.try_take_all(tx, most)


def _others(rows: Iterable[Any], buyer_address: str) -> dict[str, list[Any]]:
    """The tickets of each attendee's address that isn't the buyer's."""
    found: dict[str, list[Any]] = {}
    for row in rows:
        if row.address and row.address != buyer_address:
            found.setdefault(row.address, []).append(row)
    return found


def anonymise(tx: Transaction, user_id: UUID, email: str, marker: str) -> None:
    """Empty a person's mails, put `marker` for their address, and send none that waits (UM-009)."""
    suppressions.delete(tx, email)
    chat_notices.erase(tx, user_id)
    tx.execute(_ANONYMISE, {"user_id": user_id, "email": email, "marker": marker})
