"""Decisions on notices: which reach their buyer in the chat, and which are left to a person (NS-010).

    bought in the chat        told within 24 hours of their last message; later only if they want notices
    bought elsewhere          told if they want notices
    has stopped us            told nothing

A buyer with an address gets a mail beside each notice. A buyer without one who misses a notice that needs their answer
is left to a person. The cost of an order is bounded: each kind of notice is sent a few times at most, and once the
day's budget is used up, only notices that need their reader are sent.
"""

import logging
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text

from shared.chat import budget, outgoing
from shared.chat.budget import Level
from shared.chat.contents import NoticeMessage
from shared.cloud import manual_tasks
from shared.cloud.database import Transaction
from shared.identity import messenger_accounts
from shared.messages import chat_notices
from shared.messages.chat_notices import Decision, Notice, NoticeKind
from shared.states import ChatNotices

MAX_OF_KIND = 3
"""The most notices of one kind about an order."""
MAX_OF_ORDER = 10
"""The most notices about an order."""
NEEDS_READER: Final = frozenset({"e_ticket", "goods_ready", "top_up_needed", "refund_account_needed"})
"""Notices that staff must follow up when nobody gets them: money, or something bought, is waiting."""

_HANDED_OVER: Final = frozenset({"e_ticket", "goods_ready"})
"""Notices that the conversation itself replaces for an order made in it."""

log = logging.getLogger(__name__)

_RECIPIENT = text(f"""
    SELECT s.id, s.notices, COALESCE(s.state ->> 'language', u.language) AS language,
        c.order_id IS NOT NULL AS bought_here, u.email NOT {messenger_accounts.IS_MARKER} AS has_address
    FROM orders o JOIN users u ON u.id = o.user_id
        LEFT JOIN chat_senders s ON s.user_id = u.id AND COALESCE(s.phone, s.messenger_id) IS NOT NULL
        LEFT JOIN chat_orders c ON c.order_id = o.id AND c.sender_id = s.id
    WHERE o.id = :order_id AND NOT u.is_deleted
    ORDER BY c.order_id IS NOT NULL DESC, s.last_message_at DESC NULLS LAST LIMIT 1
""")


@dataclass(frozen=True)
class _Recipient:
    """The buyer of an order and their chat; `id` is None without a chat.

    `language` is what they chose in the chat, or else that of their account.
    """

    id: UUID | None
    notices: str | None
    language: str
    bought_here: bool
    has_address: bool

    @property
    def wants_notices(self) -> bool:
        """True if they chose notices, or bought here and have not stopped us."""
        return self.notices == ChatNotices.ON or (self.bought_here and self.notices != ChatNotices.STOPPED)


def decide(tx: Transaction, notice_id: UUID) -> None:
    """Enqueue a notice in its buyer's chat, or record why not; once, however often this is asked."""
    notice = chat_notices.lock(tx, notice_id)
    if notice is None:
        return
    recipient = _recipient(tx, notice.order_id)
    decision = _decision(tx, notice, recipient)
    chat_notices.record(tx, notice, decision)
    log.info("chat.notice", extra={"notice_id": str(notice.id), "template": notice.kind, "outcome": decision})
    if decision is Decision.ENQUEUED and recipient and recipient.id:
        _enqueue(tx, notice, recipient.id, recipient.language)
    elif decision is not Decision.OBSOLETE:
        _leave_to_a_person(tx, notice.kind, notice.order_id, recipient, decision)


def report_undelivered(tx: Transaction, kind: NoticeKind, order_id: UUID, reason: str) -> None:
    """Report that a notice has not reached its reader, to a person if need be."""
    log.warning("chat.notice_undelivered", extra={"template": kind, "order_id": str(order_id), "reason": reason})
    _leave_to_a_person(tx, kind, order_id, _recipient(tx, order_id), reason)


def _leave_to_a_person(
    tx: Transaction, kind: NoticeKind, order_id: UUID, recipient: _Recipient | None, reason: str
) -> None:
    if recipient and not recipient.has_address and kind in NEEDS_READER:
        manual_tasks.add(tx, "chat_undelivered", subject="order", subject_id=order_id, template=kind, reason=reason)


def _recipient(tx: Transaction, order_id: UUID) -> _Recipient | None:
    row = tx.execute(_RECIPIENT, {"order_id": order_id}).first()
    return _Recipient(**row._mapping) if row else None


def _decision(tx: Transaction, notice: Notice, recipient: _Recipient | None) -> Decision:
    if recipient is None or recipient.id is None:
        return Decision.NOBODY
    if notice.kind in _HANDED_OVER and recipient.bought_here and "occasion" not in notice.context:
        return Decision.OBSOLETE
    if not recipient.wants_notices:
        return Decision.UNWANTED
    level, _ = budget.level(tx)
    if level is not Level.LEFT and notice.kind not in NEEDS_READER:
        return Decision.OVER_BUDGET
    of_kind, of_all = chat_notices.counts(tx, notice)
    return Decision.TOO_MANY if of_kind >= MAX_OF_KIND or of_all >= MAX_OF_ORDER else Decision.ENQUEUED


def _enqueue(tx: Transaction, notice: Notice, sender_id: UUID, language: str) -> None:
    message = NoticeMessage(
        template=notice.kind, order_id=notice.order_id, context=dict(notice.context), language=language
    )
    outgoing.enqueue(tx, sender_id, [message], dedupe_key=f"notice:{notice.id}")
    outgoing.request_sending(tx, [sender_id])
