"""The content of each mail: its template context, read when it is sent, and its attachments."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from shared.cloud import storage
from shared.cloud.database import Transaction, transaction
from shared.cloud.settings import settings
from shared.gateways.sendgrid.client import Attachment, Mail
from shared.identity import codes
from shared.messages import mails, template_context, unsubscribing, unverified_recipients
from shared.messages.rendering import render

FORGOTTEN_ONCE_DONE = (
    "verify_email",
    "already_registered",
    "reset_password",
    "confirm_identity",
    "account_deleted",
    "staff_invitation",
    "staff_address_taken",
)
"""Their context holds a name, and a code: of no use once the mail is sent, or never will be."""
CONTEXT_KEPT = timedelta(days=90)
"""How long the context of any other mail is kept (shared/privacy/retention.py)."""
ADDRESS_FORGOTTEN_ONCE_DONE = "account_deleted"
"""A farewell keeps only what it needs, as its account is deleted (DP-002)."""

_TO_THE_FORMER_OWNER = ("account_deleted",)
"""Its reader had proved the address, until a moment ago."""


@dataclass(frozen=True)
class QueuedEmail:
    """A mail that was asked for, and how many times we have tried to send it, this time included."""

    id: UUID
    template: str
    to_address: str
    language: str
    context: Mapping[str, Any]
    order_id: UUID | None
    attempts: int


class Obsolete(Exception):
    """The content of a mail is no longer true, so the mail is not sent."""


class NotPrinted(Exception):
    """A ticket's PDF isn't stored yet; it will be."""


PdfOf = Callable[[template_context.Ticket], bytes | None]
"""Where a ticket's PDF comes from; None where it isn't there yet."""


def stored_pdf(ticket: template_context.Ticket) -> bytes | None:
    """The PDF as it was last printed, whether it is still true or not."""
    return storage.get(settings().tickets_bucket, ticket.pdf_object) if ticket.pdf_object else None


def compose(email: QueuedEmail, pdf_of: PdfOf = stored_pdf) -> Mail:
    """The mail as it goes out. Raises Obsolete, or NotPrinted: try again. Opens its own transaction."""
    try:
        with transaction() as tx:
            known = _FACTS[email.template](tx, email)
            if not unverified_recipients.is_proven(tx, email.to_address) and email.template not in _TO_THE_FORMER_OWNER:
                known = unverified_recipients.cleared(known)
    except unsubscribing.NoConsent as error:
        raise Obsolete("the reader wants no such mails") from error
    rendered = render(email.template, email.language, known)
    return Mail(
        to=email.to_address,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        attachments=[_attachment(ticket, pdf_of) for ticket in known["tickets"]] if known.get("are_attached") else [],
        custom_args={"karcis_email_id": str(email.id)},
        categories=[email.template],
        headers=unsubscribing.headers(known),
    )


def _attachment(ticket: template_context.Ticket, pdf_of: PdfOf) -> Attachment:
    content = pdf_of(ticket)
    if content is None:
        raise NotPrinted(f"ticket {ticket.id}")
    return Attachment(f"tiket-{ticket.id}.pdf", "application/pdf", content)


def _person(_: Transaction, email: QueuedEmail) -> dict[str, Any]:
    return {"full_name": email.context["full_name"]}


def _code(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    if "code" not in email.context:
        raise Obsolete("the code is forgotten")
    form = codes.LONG if email.template == "reset_password" else codes.SIX_DIGITS  # an invitation tells its own days
    valid_minutes = form.life_seconds // 60
    return {**_person(tx, email), "code": email.context["code"], "valid_minutes": valid_minutes}


def _invitation(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    return {**_code(tx, email), "valid_days": email.context["valid_days"]}


def _order(tx: Transaction, email: QueuedEmail, *statuses: str) -> template_context.Order:
    order = template_context.order(tx, email.order_id, email.language)
    if statuses and order.status not in statuses:
        raise Obsolete(f"the order is {order.status}")
    return order


def _order_confirmation(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    return {"order": _order(tx, email, "reserved", "pending_payment", "paid")}


def _e_ticket(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    tickets = template_context.tickets(tx, _ids(email.context["ticket_ids"]))
    if not tickets:
        raise Obsolete("its tickets are void")
    return {
        "order": _order(tx, email),
        "tickets": tickets,
        "to_buyer": email.context["to_buyer"],
        "are_attached": len(tickets) <= mails.MOST_ATTACHED,
        "occasion": email.context.get("occasion", "paid"),
        "untold": email.context.get("untold", 0),
    }


def _goods_ready(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    return {"order": _order(tx, email, "paid"), "goods": template_context.goods(tx, email.order_id)}


def _ticket_delayed(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    return {"order": _order(tx, email, "paid"), "to_buyer": email.context.get("to_buyer", True)}


def _ticket_void(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    held = template_context.held(tx, _ids(email.context["item_ids"]))
    return {"order": _order(tx, email), "held": held, "reason": email.context["reason"]}


def _payment_unusable(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    amount = template_context.returned_amount(tx, email.order_id, email.context.get("refund_id"))
    return {"order": _order(tx, email), "amount": amount}


def _refund(tx: Transaction, email: QueuedEmail, *statuses: str) -> dict[str, Any]:
    refund = template_context.refund(tx, UUID(email.context["refund_id"]))
    if statuses and refund.status not in statuses:
        raise Obsolete(f"the refund is {refund.status}")
    return {"order": _order(tx, email), "refund": refund}


def _refund_account_needed(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    return _refund(tx, email, "approved", "failed")


def _amount(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    return {"order": _order(tx, email), "amount": email.context["amount"]}


def _top_up(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    order = _order(tx, email, "reserved", "pending_payment")
    amount = email.context["amount"]
    return {"order": order, "amount": amount, "received": email.context.get("received", order.total_amount - amount)}


def _payment_in_review(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    amounts = {name: email.context[name] for name in ("received", "asked")}
    return {"order": _order(tx, email, "reserved", "pending_payment"), **amounts}


def _payout(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    return {"payout": template_context.payout(tx, UUID(email.context["payout_id"]))}


def _bank_account_set(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    account = template_context.bank_account(tx, UUID(email.context["account_id"]), email.language)
    return {"full_name": account.owner_name, "account": account}


def _promo_used_late(_: Transaction, email: QueuedEmail) -> dict[str, Any]:
    return {"promo": email.context}


def _event_changed(tx: Transaction, email: QueuedEmail) -> dict[str, Any]:
    item_ids = _ids(email.context["item_ids"]) if "item_ids" in email.context else None
    change_id = UUID(email.context["change_id"])
    changes, allows_refund = template_context.changes(tx, change_id, email.language, email.order_id, item_ids)
    return {
        "order": _order(tx, email, "reserved", "pending_payment", "paid"),
        "changes": changes,
        "allows_refund": allows_refund,
        "is_partial": False,
        "to_buyer": item_ids is None,
    }


def _ids(written: Sequence[str]) -> list[UUID]:
    return [UUID(each) for each in written]


_FACTS: Mapping[str, Callable[[Transaction, QueuedEmail], dict[str, Any]]] = {
    "verify_email": _code,
    "already_registered": _person,
    "reset_password": _code,
    "confirm_identity": _code,
    "order_confirmation": _order_confirmation,
    "e_ticket": _e_ticket,
    "goods_ready": _goods_ready,
    "ticket_delayed": _ticket_delayed,
    "ticket_void": _ticket_void,
    "payment_unusable": _payment_unusable,
    "refund_rejected": _refund,
    "refund_completed": _refund,
    "refund_account_needed": _refund_account_needed,
    "top_up_needed": _top_up,
    "payment_in_review": _payment_in_review,
    "event_cancelled": _amount,
    "event_changed": _event_changed,
    "payout_completed": _payout,
    "payout_account_needed": _payout,
    "bank_account_set": _bank_account_set,
    "promo_used_late": _promo_used_late,
    "account_deleted": _person,
    "staff_invitation": _invitation,
    "staff_address_taken": _person,
}
