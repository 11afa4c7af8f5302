"""Senders: people who write to us, known by a user id, a phone number or both, with their conversation (CHAT-4).

A user id is looked up first. A known number with another user id, and no word of a change, may have a new owner: it
leaves the sender that it belonged to, whose orders stay there. Only this file writes `chat_senders`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from shared.chat.state import State
from shared.cloud.database import Transaction
from shared.gateways.whatsapp.messages import Recipient
from shared.gateways.whatsapp.webhooks import IdentityChange, SenderIdentity
from shared.states import ChatNotices

LEASE_SECONDS = 60
"""The lease of one delivery on a conversation: longer than an upload and a send take."""
GATEWAY_LEASE_SECONDS = 180
"""The same while a payment is opened or looked up: longer than two gateways take, each asked for what it has, told what
is wanted, and asked again what became of that."""
WINDOW_HOURS = 24
"""The time after their last message in which somebody may be answered."""

_MATCHING = text("""
    SELECT id, messenger_id, phone, user_id, last_message_at FROM chat_senders
    WHERE messenger_id = CAST(:messenger_id AS text) OR phone = CAST(:phone AS text) ORDER BY id
""")
_ADD = text("""
    INSERT INTO chat_senders (messenger_id, phone) VALUES (:messenger_id, :phone) ON CONFLICT DO NOTHING RETURNING id
""")
_IDENTIFY = text("""
    UPDATE chat_senders SET messenger_id = COALESCE(CAST(:messenger_id AS text), messenger_id),
        phone = COALESCE(CAST(:phone AS text), phone)
    WHERE id = :id
""")
_FREE_PHONE = text("UPDATE chat_senders SET phone = NULL WHERE id = :id")
_FREE_IDENTITY = text("UPDATE chat_senders SET phone = NULL, messenger_id = NULL WHERE id = :id")
_SET_OWN_PHONE = text("""
    UPDATE chat_senders SET phone = :phone
    WHERE id = :id AND phone IS NULL AND NOT EXISTS (SELECT 1 FROM chat_senders WHERE phone = :phone)
""")
_HEARD = text("""
    UPDATE chat_senders SET last_message_at = GREATEST(last_message_at, :at)
    WHERE id = :id AND (messenger_id = CAST(:messenger_id AS text) OR phone = CAST(:phone AS text))
""")
_KEEP_STOP = text("""
    UPDATE chat_senders SET notices = 'stopped', notices_changed_at = now()
    WHERE id = :id AND EXISTS (SELECT 1 FROM chat_senders WHERE id = :other AND notices = 'stopped')
""")
_CLAIM = text("""
    UPDATE chat_senders SET claimed_until = clock_timestamp() + make_interval(secs => :seconds)
    WHERE id = :id AND (claimed_until IS NULL OR claimed_until < clock_timestamp()) RETURNING claimed_until
""")
_LOCK = text("""
    UPDATE chat_senders SET claimed_until = clock_timestamp()
        + make_interval(secs => CASE WHEN pending_action #>> '{action,kind}' IN ('pay', 'look')
            THEN CAST(:gateway_seconds AS int) ELSE CAST(:seconds AS int) END)
    WHERE id = :id AND claimed_until = :claim
    RETURNING id, messenger_id, phone, user_id, notices, state, pending_action, claimed_until,
        COALESCE(send_after > clock_timestamp(), false) AS is_paused,
        COALESCE(last_message_at > clock_timestamp() - make_interval(hours => :hours), false)
            AND COALESCE(phone, messenger_id) IS NOT NULL AS is_answerable
""")
_RELEASE = text("UPDATE chat_senders SET claimed_until = NULL WHERE id = :id AND claimed_until = :claim")
_PAUSE = text("""
    UPDATE chat_senders SET send_after = clock_timestamp() + make_interval(secs => :seconds) WHERE id = :id
""")
_SAVE = text("""
    UPDATE chat_senders SET state = CAST(:state AS jsonb), pending_action = CAST(:action AS jsonb), order_id = :order_id
    WHERE id = :id
""")
_SET_NOTICES = text("""
    UPDATE chat_senders SET notices = :notices, notices_changed_at = :at
    WHERE id = :id AND notices IS DISTINCT FROM :notices AND COALESCE(notices_changed_at <= :at, true)
        AND (CAST(:only_from AS text) IS NULL OR notices = :only_from)
    RETURNING COALESCE(state ->> 'language', 'id') AS language
""")
_SET_USER = text("UPDATE chat_senders SET user_id = :user_id WHERE id = :id AND user_id IS NULL")
_SET_ACCOUNT = text("UPDATE chat_senders SET user_id = :user_id WHERE id = :id")
_ADD_ORDER = text("""
    INSERT INTO chat_orders (order_id, sender_id) VALUES (:order_id, :id) ON CONFLICT (order_id) DO NOTHING
""")
_OF_ORDER = text("""
    SELECT s.id FROM chat_orders o JOIN chat_senders s ON s.id = o.sender_id
    WHERE o.order_id = :order_id AND COALESCE(s.phone, s.messenger_id) IS NOT NULL
""")
# Those that were swept longest ago come first: a sender whose work keeps failing holds up no other.
_UNFINISHED = text("""
    UPDATE chat_senders SET swept_at = clock_timestamp() WHERE id IN (
    SELECT s.id FROM chat_senders s
    WHERE (s.claimed_until IS NULL OR s.claimed_until < now()) AND (s.send_after IS NULL OR s.send_after < now())
        AND s.id IN (
            SELECT sender_id FROM chat_updates  -- Uses index: chat_updates_waiting
                WHERE processed_at IS NULL AND created_at < now() - make_interval(secs => :seconds)
            UNION SELECT sender_id FROM chat_messages  -- Uses index: chat_messages_queued
                WHERE status = 'queued' AND created_at < now() - make_interval(secs => :seconds)
            UNION SELECT id FROM chat_senders  -- Uses index: chat_senders_pending
                WHERE pending_action IS NOT NULL)
    ORDER BY s.swept_at NULLS FIRST, s.last_message_at NULLS FIRST, s.id LIMIT :most)
    RETURNING id
""")


class ClaimLost(Exception):
    """Another delivery has taken this conversation over."""


@dataclass(frozen=True)
class Sender:
    """A sender whose row is locked, and the state of their conversation."""

    id: UUID
    recipient: Recipient
    user_id: UUID | None
    notices: str | None
    """Their choice about notices; None before they choose."""
    state: State
    pending_action: Mapping[str, Any] | None
    claim: datetime
    is_paused: bool
    """They were sent too much for now."""
    is_answerable: bool
    """Their last message is less than 24 hours old, and they have not been forgotten."""


def resolve(tx: Transaction, identities: Iterable[SenderIdentity]) -> dict[SenderIdentity, UUID]:
    """The sender of each identity, new where nobody knows them. In one order, so that two batches never deadlock."""
    ordered = sorted(set(identities), key=lambda each: (each.user_id or "", each.phone or ""))
    return {identity: _resolve(tx, identity) for identity in ordered}


def _resolve(tx: Transaction, identity: SenderIdentity) -> UUID:
    rows = _matching(tx, identity)
    by_id = next((row for row in rows if identity.user_id and row.messenger_id == identity.user_id), None)
    by_phone = next((row for row in rows if identity.phone and row.phone == identity.phone), None)
    if by_id is not None:
        if identity.phone and identity.phone != by_id.phone:
            _move_phone(tx, by_phone, by_id, identity)
        found: UUID = by_id.id
        return found
    if by_phone is not None and (identity.user_id is None or by_phone.messenger_id is None):
        _identify(tx, by_phone.id, identity)
        found = by_phone.id
        return found
    if by_phone is not None:
        tx.execute(_FREE_PHONE, {"id": by_phone.id})
    return _add(tx, identity)


def _move_phone(tx: Transaction, holder: Row[Any] | None, sender: Row[Any], identity: SenderIdentity) -> None:
    """Answer a sender where they write from: a number that they have given up may be somebody else's."""
    if holder is not None:
        tx.execute(_FREE_PHONE, {"id": holder.id})
    _identify(tx, sender.id, identity)


def _add(tx: Transaction, identity: SenderIdentity) -> UUID:
    added: UUID | None = tx.execute(_ADD, _names(identity)).scalar()
    if added is not None:
        return added
    return _resolve(tx, identity)  # somebody has added them in this moment


def change_identity(tx: Transaction, change: IdentityChange) -> bool:
    """Move a sender to their new user id or number, once; False where there is nobody to move.

    Who has written under the new identity before word of the change came, and bought nothing, goes on as the old one.
    A new user id comes with a new number, so that an old number is given up even where the new one is not told.
    """
    before = _changed(tx, change)
    if before is None:
        return False
    for other in _matching(tx, change.current):
        if other.id != before.id and other.user_id is not None:
            return False
        if other.id != before.id:
            tx.execute(_KEEP_STOP, {"id": before.id, "other": other.id})
            tx.execute(_FREE_IDENTITY, {"id": other.id})
    if change.current.user_id not in (None, before.messenger_id):
        tx.execute(_FREE_PHONE, {"id": before.id})
    _identify(tx, before.id, change.current)
    return True


def _changed(tx: Transaction, change: IdentityChange) -> Row[Any] | None:
    """The sender that a change is about; a row with another user id, or a later message, is the number's new owner."""
    names = change.previous
    rows = _matching(tx, names)
    by_id = next((row for row in rows if names.user_id and row.messenger_id == names.user_id), None)
    return by_id or next((row for row in rows if _had_number(row, change)), None)


def _had_number(row: Row[Any], change: IdentityChange) -> bool:
    is_another = change.previous.user_id and row.messenger_id
    return not is_another and (row.last_message_at is None or row.last_message_at <= change.at)


def set_account(tx: Transaction, sender_id: UUID, user_id: UUID) -> None:
    """Name another account that a sender buys with from now on."""
    tx.execute(_SET_ACCOUNT, {"id": sender_id, "user_id": user_id})


def set_own_phone(tx: Transaction, sender_id: UUID, phone: str) -> None:
    """Keep the number that a sender has shared as their own, unless one is known already, or it is another's."""
    tx.execute(_SET_OWN_PHONE, {"id": sender_id, "phone": phone})


def record_message(tx: Transaction, sender_id: UUID, identity: SenderIdentity, sent_at: datetime) -> bool:
    """Record when a sender wrote: for 24 hours from then they may be answered. They stay locked until `tx` ends.

    False where this sender has been forgotten in this moment: whoever wrote is somebody new.
    """
    return tx.execute(_HEARD, {"id": sender_id, "at": sent_at, **_names(identity)}).rowcount > 0


def claim(tx: Transaction, sender_id: UUID) -> datetime | None:
    """Claim a conversation for this delivery; None where another one works on it."""
    claimed: datetime | None = tx.execute(_CLAIM, {"id": sender_id, "seconds": LEASE_SECONDS}).scalar()
    return claimed


def lock(tx: Transaction, sender_id: UUID, claim: datetime) -> Sender:
    """Lock a claimed conversation until `tx` ends, and extend the claim. Raises ClaimLost."""
    values = {
        "id": sender_id,
        "claim": claim,
        "seconds": LEASE_SECONDS,
        "gateway_seconds": GATEWAY_LEASE_SECONDS,
        "hours": WINDOW_HOURS,
    }
    row = tx.execute(_LOCK, values).first()
    if row is None:
        raise ClaimLost
    return Sender(
        id=row.id,
        recipient=Recipient(row.phone, row.messenger_id),
        user_id=row.user_id,
        notices=row.notices,
        state=State.model_validate(row.state),
        pending_action=row.pending_action,
        claim=row.claimed_until,
        is_paused=row.is_paused,
        is_answerable=row.is_answerable,
    )


def release(tx: Transaction, sender_id: UUID, claim: datetime) -> None:
    """End a claim; one that was lost is left alone."""
    tx.execute(_RELEASE, {"id": sender_id, "claim": claim})


def pause(tx: Transaction, sender_id: UUID, seconds: float) -> None:
    """Send a sender nothing for so long."""
    tx.execute(_PAUSE, {"id": sender_id, "seconds": seconds})


def save(tx: Transaction, sender_id: UUID, state: State, pending: Mapping[str, Any] | None) -> None:
    """Save where a locked conversation is, and the action whose result it waits for."""
    values = {
        "id": sender_id,
        "state": state.model_dump_json(exclude_defaults=True),
        "action": json.dumps(pending) if pending else None,
        "order_id": state.order.id if state.order else None,
    }
    tx.execute(_SAVE, values)
    if state.order:
        tx.execute(_ADD_ORDER, {"id": sender_id, "order_id": state.order.id})


def set_user(tx: Transaction, sender_id: UUID, user_id: UUID) -> None:
    """Name the account that a sender buys with, unless there is one."""
    tx.execute(_SET_USER, {"id": sender_id, "user_id": user_id})


@dataclass(frozen=True)
class ChangedNotices:
    """A choice that took effect, and the language of who made it."""

    language: str


def set_notices(
    tx: Transaction, sender_id: UUID, notices: ChatNotices, *, at: datetime, only_from: ChatNotices | None = None
) -> ChangedNotices | None:
    """Set whether a sender wants notices, as they chose at this time.

    None where it was so already, they have chosen otherwise since, or it was not `only_from` before.
    """
    row = tx.execute(_SET_NOTICES, {"id": sender_id, "notices": notices, "at": at, "only_from": only_from}).first()
    return ChangedNotices(row.language) if row else None


def find(tx: Transaction, identity: SenderIdentity) -> UUID | None:
    """The sender of this identity, by user id first; None where nobody knows them."""
    rows = sorted(_matching(tx, identity), key=lambda row: row.messenger_id != identity.user_id)
    return rows[0].id if rows else None


def find_by_order(tx: Transaction, order_id: UUID) -> UUID | None:
    """The sender in whose conversation an order was made, unless they have been forgotten."""
    found: UUID | None = tx.execute(_OF_ORDER, {"order_id": order_id}).scalar()
    return found


def sweep_unfinished(tx: Transaction, *, older_than_seconds: int, most: int) -> list[UUID]:
    """Note as swept the senders whose conversation a crash or an outage has left in the middle, and return them."""
    return list(tx.execute(_UNFINISHED, {"seconds": older_than_seconds, "most": most}).scalars())


def _matching(tx: Transaction, identity: SenderIdentity) -> list[Row[Any]]:
    return list(tx.execute(_MATCHING, _names(identity)).all())


def _identify(tx: Transaction, sender_id: UUID, identity: SenderIdentity) -> None:
    tx.execute(_IDENTIFY, {"id": sender_id, **_names(identity)})


def _names(identity: SenderIdentity) -> dict[str, str | None]:
    return {"messenger_id": identity.user_id, "phone": identity.phone}
