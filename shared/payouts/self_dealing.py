"""Self-dealing: organizers who use the platform's promo codes at their own events. Checked before a payout.

The platform's share of a code goes to the organizer, so organizers who buy their own tickets with one earn money. The
review compares the organizer with the buyers who used such codes, by what is on file for the sale anyway:

    same_person         the organizer or their staff bought, from an account of the same mailbox too
    same_attendee       a ticket is made out to the organizer's mailbox
    same_phone          buyer and organizer have given one number
    same_bank_account   a buyer's refunds go where the organizer's payouts go
    same_card           one card paid for three people or more
    address_pattern     three buyers or more, a fifth of all, whose addresses differ by digits only

Devices and addresses on the net are not kept with orders, and the gateways tell nothing of an e-wallet's owner.
A decision is about the orders that its task named: where a sign has more of them since, a person is asked again.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.cloud import audit, manual_tasks
from shared.cloud.database import Transaction

TASK = "payout_self_dealing"
FEWEST = 3
"""People who share a card or a pattern of addresses by chance are fewer."""

# Uses index: orders_event_created
_FIND = text("""
    WITH coded AS (
        SELECT o.id, o.user_id, u.person_id, u.phone, u.organizer_id AS works_for,
            (SELECT sum(i.platform_discount + i.platform_waived_fee) FROM order_items i
                WHERE i.order_id = o.id) AS discount,
            regexp_replace(folded_email(u.email), '[0-9]+(?=[^@]*@)', '', 'g') AS pattern,
            (SELECT w.payload ->> 'masked_card' FROM payments p JOIN webhook_events w ON w.payment_id = p.id
                WHERE p.order_id = o.id AND p.status = 'paid' AND w.payload ? 'masked_card' LIMIT 1) AS card
        FROM orders o JOIN users u ON u.id = o.user_id JOIN promos c ON c.id = o.promo_id
        WHERE o.event_id = :event_id AND o.status = 'paid' AND c.organizer_id IS NULL),
    organizer AS (SELECT id, person_id, phone, folded_email(email) AS mailbox FROM users WHERE id = :organizer_id),
    found AS (
        SELECT 'same_person' AS sign, coded.id FROM coded, organizer
        WHERE coded.person_id = organizer.person_id OR organizer.id IN (coded.user_id, works_for)
        UNION ALL
        SELECT 'same_attendee', coded.id FROM coded, organizer
        WHERE EXISTS (SELECT 1 FROM order_items i
            WHERE i.order_id = coded.id AND folded_email(i.attendee_email) = organizer.mailbox)
        UNION ALL
        SELECT 'same_phone', coded.id FROM coded JOIN organizer USING (phone)
        UNION ALL
        SELECT 'same_bank_account', coded.id FROM coded
        WHERE EXISTS (SELECT 1 FROM bank_accounts b JOIN bank_accounts o ON o.user_id = :organizer_id
                AND (o.bank_code, o.account_number_ending, lower(o.account_holder_name))
                    = (b.bank_code, b.account_number_ending, lower(b.account_holder_name))
            WHERE b.user_id = coded.user_id AND b.account_number_ending <> '')
        UNION ALL
        SELECT 'same_card', id FROM coded WHERE card IN (
            SELECT card FROM coded GROUP BY card HAVING count(DISTINCT person_id) >= :fewest)
        UNION ALL
        SELECT 'address_pattern', id FROM coded WHERE pattern IN (
            SELECT pattern FROM coded GROUP BY pattern HAVING count(DISTINCT person_id) >= :fewest
                AND count(DISTINCT person_id) * 5 >= (SELECT count(DISTINCT person_id) FROM coded)))
    SELECT sign, count(*) AS orders, sum(discount)::bigint AS discount
    FROM found JOIN coded USING (id) WHERE discount > 0 GROUP BY sign ORDER BY sign
""")


def signs(tx: Transaction, event_id: UUID, organizer_id: UUID) -> Mapping[str, Mapping[str, int]]:
    """The signs of self-dealing at an event: each sign, its orders, and what the platform paid on them in rupiah."""
    rows = tx.execute(_FIND, {"event_id": event_id, "organizer_id": organizer_id, "fewest": FEWEST})
    return {row.sign: {"orders": row.orders, "discount": row.discount} for row in rows}


# A sale of a moment before the payout may have been committed a moment after it.
_SOLD_SINCE_PAYOUT = text("""
    SELECT p.event_id FROM payouts p  -- Uses index: payouts_organizer
    WHERE p.organizer_id = :organizer_id AND NOT p.is_remainder AND EXISTS (
        SELECT 1 FROM ledger_postings l
        WHERE l.event_id = p.event_id AND l.kind = 'sale' AND l.created_at > p.created_at - interval '1 hour')
    ORDER BY p.event_id
""")
_IS_ANY_HELD = text("""
    SELECT EXISTS (SELECT 1 FROM manual_tasks t JOIN events e ON CAST(e.id AS text) = t.subject_id
        WHERE t.kind = :kind AND t.done_at IS NULL AND e.organizer_id = :organizer_id)
""")


def holds_payout(tx: Transaction, event_id: UUID, organizer_id: UUID) -> bool:
    """True if the payout of an event has to wait for a person, who is asked unless they have decided."""
    found = signs(tx, event_id, organizer_id)
    decided = manual_tasks.last_finished(tx, TASK, event_id) or {"signs": {}}
    if not _has_more(found, decided["signs"]):
        return False
    if manual_tasks.add(tx, TASK, subject="event", subject_id=event_id, organizer_id=organizer_id, signs=found):
        audit.record(tx, "payout.held", subject="event", subject_id=event_id, signs=sorted(found))
    return True


def holds_later_sales(tx: Transaction, organizer_id: UUID) -> bool:
    """True if an event that is paid out already has to be looked at for what was sold there since."""
    sold_since = tx.execute(_SOLD_SINCE_PAYOUT, {"organizer_id": organizer_id}).scalars().all()
    held = [event_id for event_id in sold_since if holds_payout(tx, event_id, organizer_id)]  # asks about each
    return bool(held)


def is_any_held(tx: Transaction, organizer_id: UUID) -> bool:
    """True if a person still has to decide about an event of the organizer's."""
    found: bool = tx.execute(_IS_ANY_HELD, {"kind": TASK, "organizer_id": organizer_id}).scalar_one()
    return found


def _has_more(found: Mapping[str, Any], decided: Mapping[str, Any]) -> bool:
    """True if a sign is on more orders, or on more money, than was decided about."""
    nothing = {"orders": 0, "discount": 0}
    return any(seen[part] > decided.get(sign, nothing)[part] for sign, seen in found.items() for part in nothing)
