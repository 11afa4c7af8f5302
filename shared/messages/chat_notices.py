"""Notices for buyers in their chat: what mails tell of an order is told there too (NS-010).

A notice is a row in the transaction that gives the reason, beside the mail and under its dedupe key. Whether its buyer
wants it, and how it reaches them, is decided later, by the function that works on chats.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal, get_args
from uuid import UUID

from sqlalchemy import text

from shared.cloud import outbox
from shared.cloud.database import Transaction

Kind = Literal[
    "e_ticket",
    "goods_ready",
    "ticket_delayed",
    "payment_reminder",
    "event_reminder",
    "event_changed",
    "event_cancelled",
    "payment_unusable",
    "payment_in_review",
    "top_up_needed",
    "refund_completed",
    "refund_rejected",
    "refund_account_needed",
]
"""The mails to buyers that are told in a chat too, by their template."""
KINDS: Final = frozenset(get_args(Kind))
TOPIC: Final = "chat.notice"
"""The topic of notices that wait to be decided on."""


class Outcome(StrEnum):
    """What became of a notice: `chat_notices.outcome`."""

    ENQUEUED = "enqueued"
    NOBODY = "nobody"
    """Its buyer has no chat with us."""
    UNWANTED = "unwanted"
    TOO_MANY = "too_many"
    OVER_BUDGET = "over_budget"
    OBSOLETE = "obsolete"


@dataclass(frozen=True)
class Notice:
    """A notice that is not decided on yet."""

    id: UUID
    kind: Kind
    order_id: UUID
    context: Mapping[str, Any]


# Only buyers who have a chat: by far the most have none, and leave no row.
_ADD = text("""
    INSERT INTO chat_notices (dedupe_key, template, order_id, context)
    SELECT n.dedupe_key, :template, n.order_id, n.context
    FROM jsonb_to_recordset(CAST(:notices AS jsonb)) AS n(dedupe_key text, "to" text, order_id uuid, context jsonb)
        JOIN orders o ON o.id = n.order_id JOIN users u ON u.id = o.user_id AND u.email = n.to
    WHERE EXISTS (SELECT 1 FROM chat_senders s WHERE s.user_id = u.id)  -- Uses index: chat_senders_user
    ON CONFLICT (dedupe_key) DO NOTHING
    RETURNING id
""")
_LOCK = text("""
    SELECT id, template AS kind, order_id, context FROM chat_notices WHERE id = :id AND settled_at IS NULL FOR UPDATE
""")
_SETTLE = text("UPDATE chat_notices SET settled_at = now(), outcome = :outcome WHERE id = :id")
_COUNT = text("""
    SELECT count(*) FILTER (WHERE template = :kind) AS of_kind, count(*) AS of_all
    FROM chat_notices WHERE order_id = :order_id AND outcome = 'enqueued'  -- Uses index: chat_notices_order
""")

_ERASE = text("""
    DELETE FROM chat_notices
    WHERE order_id IN (SELECT id FROM orders WHERE user_id = :user_id)  -- Uses indexes: orders_user, chat_notices_order
""")


def enqueue(tx: Transaction, kind: str, mails: Iterable[Mapping[str, Any]]) -> None:
    """Enqueue what these mails tell (`dedupe_key`, `to`, `context`, `order_id` of each) for buyers who have a chat.

    Mails to others than the buyer, and of a kind that no chat tells, are left out.
    """
    told = [each for each in mails if each["order_id"] and each["context"].get("to_buyer", True)]
    if kind in KINDS and told:
        values = {"template": kind, "notices": json.dumps(told, default=str)}
        added = tx.execute(_ADD, values).scalars().all()
        outbox.add_all(tx, TOPIC, [{"notice_id": notice_id} for notice_id in added])


def lock(tx: Transaction, notice_id: UUID) -> Notice | None:
    """A notice, locked until `tx` ends; None where it has been decided on."""
    row = tx.execute(_LOCK, {"id": notice_id}).first()
    return Notice(**row._mapping) if row else None


def settle(tx: Transaction, notice: Notice, outcome: Outcome) -> None:
    """Record what was decided."""
    tx.execute(_SETTLE, {"id": notice.id, "outcome": outcome})


def counts(tx: Transaction, notice: Notice) -> tuple[int, int]:
    """How many notices of its kind, and of any, about its order were enqueued before."""
    row = tx.execute(_COUNT, {"order_id": notice.order_id, "kind": notice.kind}).one()
    return row.of_kind, row.of_all


def erase(tx: Transaction, user_id: UUID) -> None:
    """Delete the notices of a person whose account is deleted."""
    tx.execute(_ERASE, {"user_id": user_id})
