"""Notices for buyers in their chat, beside the mails about an order (NS-010).

A notice is a row beside the mail, under its dedupe key, in the same transaction (`mails.enqueue`). The function `chat`
decides later whether it is sent, and how.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal, get_args
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction

NoticeKind = Literal[
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
"""The mail templates that have a notice."""
KINDS: Final = frozenset(get_args(NoticeKind))
TOPIC: Final = "chat.notice"
"""The topic of notices that wait for a decision."""


class Decision(StrEnum):
    """The decision on a notice, kept in `chat_notices.outcome`."""

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
    kind: NoticeKind
    order_id: UUID
    context: Mapping[str, Any]


_LOCK = text("""
    SELECT id, template AS kind, order_id, context FROM chat_notices WHERE id = :id AND settled_at IS NULL FOR UPDATE
""")
_RECORD = text("UPDATE chat_notices SET settled_at = now(), outcome = :outcome WHERE id = :id")
_COUNT = text("""
    SELECT count(*) FILTER (WHERE template = :kind) AS of_kind, count(*) AS of_all
    FROM chat_notices WHERE order_id = :order_id AND outcome = 'enqueued'  -- Uses index: chat_notices_order
""")

_ERASE = text("""
    DELETE FROM chat_notices
    WHERE order_id IN (SELECT id FROM orders WHERE user_id = :user_id)  -- Uses indexes: orders_user, chat_notices_order
""")


def lock(tx: Transaction, notice_id: UUID) -> Notice | None:
    """A notice, locked until `tx` ends; None where it has been decided on."""
    row = tx.execute(_LOCK, {"id": notice_id}).first()
    return Notice(**row._mapping) if row else None


def record(tx: Transaction, notice: Notice, decision: Decision) -> None:
    """Record the decision on a notice."""
    tx.execute(_RECORD, {"id": notice.id, "outcome": decision})


def counts(tx: Transaction, notice: Notice) -> tuple[int, int]:
    """The number of earlier notices about its order that were enqueued: of its kind, and of all kinds."""
    row = tx.execute(_COUNT, {"order_id": notice.order_id, "kind": notice.kind}).one()
    return row.of_kind, row.of_all


def erase(tx: Transaction, user_id: UUID) -> None:
    """Delete the notices of a person whose account is deleted."""
    tx.execute(_ERASE, {"user_id": user_id})
