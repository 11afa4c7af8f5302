"""Messages for notices: a text within 24 hours of the reader's last message, WhatsApp's template after.

What it tells is read as it is sent, so it is never stale: a notice of what is no longer so is not sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from shared import rupiah
from shared.chat import templates
from shared.chat.contents import NoticeMessage
from shared.chat.outgoing import Obsolete
from shared.chat.templates import TEMPLATES, MessageTemplate
from shared.cloud.database import transaction
from shared.gateways import registry
from shared.gateways.whatsapp import messages
from shared.gateways.whatsapp.messages import Document
from shared.messages import template_context
from shared.messages.template_context import QueuedEmail
from shared.tickets import ticket_rendering

_LABELS: Final[Mapping[str, tuple[str, str]]] = {
    "title": ("nama", "title"),
    "when": ("waktu", "time"),
    "where": ("tempat", "place"),
    "tier": ("jenis tiket", "ticket type"),
}
"""The changes of an event, in Indonesian and English."""


@dataclass(frozen=True)
class _Filled:
    """A template with its values, and the ticket above it."""

    template: MessageTemplate
    values: Mapping[str, str]
    ticket_id: UUID | None


def make(content: NoticeMessage, *, is_free_form: bool) -> dict[str, Any]:
    """The message, as a text or by its template, after its file was uploaded.

    Raises Obsolete, and what the gateway raises.
    """
    filled = _filled(content)
    document = _document(filled.ticket_id) if filled.ticket_id else None
    if not is_free_form:
        return messages.template(filled.template.name, content.language, filled.values, document)
    words = filled.template.filled(content.language, filled.values)
    return messages.document(document.media_id, document.filename, words) if document else messages.text(words)


def _filled(content: NoticeMessage) -> _Filled:
    mail = QueuedEmail(content.order_id, content.template, "", content.language, content.context, content.order_id, 1)
    with transaction() as tx:
        try:
            told = template_context.build(tx, mail)
        except template_context.Obsolete as reason:
            raise Obsolete(str(reason)) from reason
    template = TEMPLATES[content.template]
    ticket_id = told["tickets"][0].id if template.has_ticket else None
    return _Filled(template, values_of(template, told, content.language), ticket_id)


def values_of(template: MessageTemplate, told: Mapping[str, Any], language: str) -> dict[str, str]:
    """The parameters of a template, from what the mail of this notice tells."""
    return {name: templates.value(_value(name, told, language)) for name in template.parameters()}


def _value(name: str, told: Mapping[str, Any], language: str) -> str:
    event = told["order"].event
    match name:
        case "title":
            return str(event.title)
        case "when":
            return ", ".join(event.when)
        case "where":
            return str(event.where)
        case "until":
            return str(told["order"].deadline)
        case "reason":
            return str(told["refund"].rejection_reason or "-")
        case "changes":
            return _changes(told, language) or "-"
        case _:
            return rupiah.formatted(_amount(told), language)


def _amount(told: Mapping[str, Any]) -> int:
    """The amount of a notice, in rupiah: a refund, money received, or money due."""
    order = told["order"]
    amount: int = told["refund"].amount if "refund" in told else told.get("amount", order.total_amount)
    return order.payment.amount if order.payment and "refund" not in told and "amount" not in told else amount


def _changes(told: Mapping[str, Any], language: str) -> str:
    before = "before" if language == "en" else "semula"
    labels = {what: words[1 if language == "en" else 0] for what, words in _LABELS.items()}
    return "; ".join(f"{labels[each.what]}: {each.after} ({before} {each.before})" for each in told["changes"])


def _document(ticket_id: UUID) -> Document:
    pdf = ticket_rendering.current_pdf(ticket_id)
    if pdf is None:
        raise Obsolete("ticket void")
    filename = f"tiket-{ticket_id}.pdf"
    return Document(registry.whatsapp().upload(filename, pdf, "application/pdf"), filename)
