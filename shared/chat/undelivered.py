"""Follow-up of messages that WhatsApp does not deliver, by error code (docs/reference/whatsapp.md).

outside of 24 hours            the notice is sent by its template, once, if its reader wants notices
stopped us (131050)            notices end; a manual task if need be
template paused, disabled      the template is turned off; a manual task if need be
anything else                  a manual task if need be: a buyer with an address was mailed
"""

from typing import Final

from sqlalchemy import text

from shared.chat import consent, notices, outgoing, template_statuses
from shared.chat.consent import Choice
from shared.chat.contents import Goods, NoticeMessage, TicketFile
from shared.chat.outgoing import Undelivered
from shared.chat.templates import TEMPLATES
from shared.cloud import clock, manual_tasks
from shared.cloud.database import Transaction
from shared.gateways.whatsapp import errors
from shared.gateways.whatsapp.errors import Verdict
from shared.states import ChatNotices

_STOPPED_US: Final = "131050"

_ORDER_OF_TICKET = text("SELECT order_id FROM tickets WHERE id = :id")
_LOST = text("""
    SELECT m.sender_id, s.user_id, m.content ->> 'kind' AS kind, COALESCE(m.content ->> 'order_id', t.order_id::text)
        AS order_id
    FROM chat_messages m JOIN chat_senders s ON s.id = m.sender_id
        LEFT JOIN tickets t ON t.id = CAST(m.content ->> 'ticket_id' AS uuid)
    WHERE m.id = :id AND m.content ->> 'kind' IN ('ticket', 'goods')
""")
_SENDER = text("""
    SELECT s.notices, COALESCE(u.language, 'id') AS language
    FROM chat_senders s LEFT JOIN users u ON u.id = s.user_id WHERE s.id = :id
""")


def follow_up(tx: Transaction, failure: Undelivered) -> None:
    """Follow up a message that was not delivered."""
    if failure.code == _STOPPED_US:
        choice = Choice(ChatNotices.STOPPED, "refused", clock.now())
        consent.choose(tx, failure.sender_id, choice)
    told = _as_notice(tx, failure)
    if told is None or (_is_outside_window(failure.code) and _is_sent_by_template(tx, failure, told)):
        return
    if _verdict(failure.code) is Verdict.TEMPLATE_OFF:
        template_statuses.turn_off(tx, TEMPLATES[told.template].name, told.language, failure.code)
    if isinstance(failure.content, NoticeMessage):
        notices.report_undelivered(tx, told.template, told.order_id, failure.code)
    else:
        _report_lost(tx, failure)


def _is_sent_by_template(tx: Transaction, failure: Undelivered, told: NoticeMessage) -> bool:
    """Send a notice by its template, once; False if it was sent so before, or may not be."""
    wanted = tx.execute(_SENDER, {"id": failure.sender_id}).one().notices
    if told.by_template or not may_use_template(tx, wanted, told):
        return False
    again = told.model_copy(update={"by_template": True})
    outgoing.enqueue(tx, failure.sender_id, [again], dedupe_key=_key(failure, told))
    outgoing.request_sending(tx, [failure.sender_id])
    return True


def _report_lost(tx: Transaction, failure: Undelivered) -> None:
    """Add a manual task if tickets or goods did not arrive. The buyer may ask for them again meanwhile."""
    lost = tx.execute(_LOST, {"id": failure.id}).first()
    if lost is not None:
        details = {"chat_message_id": failure.id, "user_id": lost.user_id, "error": failure.code}
        manual_tasks.add(tx, "chat_delivery_failed", subject="order", subject_id=lost.order_id, **details)


def may_use_template(tx: Transaction, wanted: str | None, told: NoticeMessage) -> bool:
    """True if a notice may leave outside of 24 hours: its reader wants notices, and WhatsApp lets its template."""
    return wanted == ChatNotices.ON and template_statuses.is_usable(tx, TEMPLATES[told.template].name, told.language)


def _key(failure: Undelivered, told: NoticeMessage) -> str:
    """The dedupe key: one template message for all that an order has bought, however many files there were."""
    if isinstance(failure.content, NoticeMessage):
        return f"{failure.id}:template"
    return f"handed over:{told.order_id}:{told.template}"


def _as_notice(tx: Transaction, failure: Undelivered) -> NoticeMessage | None:
    """The notice with the same content; None for answers, which are of no use later."""
    content = failure.content
    if isinstance(content, NoticeMessage):
        return content
    language = tx.execute(_SENDER, {"id": failure.sender_id}).one().language
    if isinstance(content, Goods):
        return NoticeMessage(template="goods_ready", order_id=content.order_id, language=language)
    if not isinstance(content, TicketFile):
        return None
    ticket = tx.execute(_ORDER_OF_TICKET, {"id": content.ticket_id}).first()
    if ticket is None:
        return None
    context = {"ticket_ids": [str(content.ticket_id)], "to_buyer": True}
    return NoticeMessage(template="e_ticket", order_id=ticket.order_id, context=context, language=language)


def _is_outside_window(code: str) -> bool:
    return code == outgoing.WINDOW_CLOSED or _verdict(code) is Verdict.OUTSIDE_WINDOW


def _verdict(code: str) -> Verdict:
    return errors.verdict(int(code) if code.isdecimal() else 0)
