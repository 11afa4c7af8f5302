"""Sending of queued mails: at least once, nearly always exactly once (PS-024, R-009).

SendGrid has no idempotency key. So a try is recorded before the call, one delivery at a time holds the
mail, and only a crash between SendGrid's acceptance and our record of it can send a mail twice.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from shared.cloud import audit, manual_tasks, outbox
from shared.cloud.database import Transaction, autocommit, transaction
from shared.gateways import registry
from shared.gateways.errors import GatewayError, GatewayRefused, PayloadUnreadable
from shared.gateways.sendgrid.client import Attachment, Mail
from shared.identity import addresses, erasure
from shared.messages import suppressions, template_context, unsubscribe_links, unverified_recipients
from shared.messages.rendering import render
from shared.messages.template_context import Obsolete, QueuedEmail
from shared.messages.template_data import Ticket
from shared.problems import NotFound, Problem, TryAgain
from shared.states import EmailStatus, SuppressionReason

EMAIL_ID_ARGUMENT = "karcis_email_id"
"""The custom argument that names our mail in each of SendGrid's events about it."""
MAX_ATTEMPTS = 10
"""After so many tries a person looks at the mail (PS-024)."""
LEASE_SECONDS = 60
"""The time after which another delivery takes a try for dead: our calls to SendGrid time out after 25 seconds."""

CONTEXT_CLEARED_ONCE_DONE = (
    "verify_email",
    "already_registered",
    "reset_password",
    "confirm_identity",
    "sign_in",
    "link_chat",
    "second_factor",
    "account_deleted",
    "staff_invitation",
    "staff_address_taken",
)
"""Their context holds a name, and a code: of no use once the mail is sent, or never will be."""
CONTEXT_KEPT = timedelta(days=90)
"""The time for which the context of any other mail is kept (shared/privacy/retention.py)."""
ADDRESS_CLEARED_ONCE_DONE = "account_deleted"
"""The mail about a deleted account keeps only what it needs (DP-002)."""

_TO_THE_FORMER_OWNER = ("account_deleted",)
"""Its reader had proved the address, until a moment ago."""


log = logging.getLogger(__name__)

_KEY = suppressions.key_sql("to_address")
_CLAIM = text(f"""
    UPDATE emails SET attempts = attempts + 1, claimed_until = now() + make_interval(secs => :held_seconds)
    WHERE id = :id AND status = 'queued' AND (claimed_until IS NULL OR claimed_until < now())
    RETURNING id, template, to_address, language, context, order_id, attempts,
        (SELECT reason FROM mail_suppressions WHERE address_key = {_KEY}) AS suppression_reason,
        (SELECT lifted_at IS NULL FROM mail_suppressions WHERE address_key = {_KEY}) AS is_suppressed
""")
_STATUS = text("SELECT status FROM emails WHERE id = :id")
_RELEASE = text("UPDATE emails SET claimed_until = NULL, error_message = :error WHERE id = :id AND status = 'queued'")
CLEAR_CONTEXT = """
    context = CASE WHEN template = ANY(:forgotten) THEN '{}' ELSE context END,
    to_address = CASE WHEN template = :addressless THEN :nobody ELSE to_address END
"""
# An event may have told before us that it was sent (delivery_events).
_SENT = text(f"""
    UPDATE emails SET status = CASE WHEN status = 'queued' THEN 'sent' ELSE status END, sent_at = now(),
        provider_message_id = :message_id, error_message = CASE WHEN status <> 'queued' THEN error_message END,
        {CLEAR_CONTEXT}
    WHERE id = :id
""")
_DROPPED = text(f"""
    UPDATE emails SET status = 'dropped', status_at = now(), error_message = :error,
        {CLEAR_CONTEXT}
    WHERE id = :id AND status = 'queued'
""")
_FAILED = text(f"""
    UPDATE emails SET status = 'failed', error_message = :error,
        {CLEAR_CONTEXT}
    WHERE id = :id AND status = 'queued'
""")
IS_SENDABLE_AGAIN = """
    status = 'failed' AND template <> ALL(:forgotten) AND to_address NOT LIKE '%@' || :domain
        AND created_at > now() - make_interval(secs => :kept_seconds)
"""
"""Condition on `emails`: it failed, and what it says is kept still. Takes the values of KEPT."""
_REQUEUE = text(f"""
    UPDATE emails SET status = 'queued', attempts = 0, claimed_until = NULL, error_message = NULL
    WHERE id = :id AND {IS_SENDABLE_AGAIN}
    RETURNING template
""")
CLEARED_CONTEXT = {
    "forgotten": list(CONTEXT_CLEARED_ONCE_DONE),
    "addressless": ADDRESS_CLEARED_ONCE_DONE,
    "nobody": f"deleted@{erasure.DOMAIN}",
}
"""The values of CLEAR_CONTEXT: what a mail no longer needs once it is sent, or never will be."""
KEPT = {
    "forgotten": list(CONTEXT_CLEARED_ONCE_DONE),
    "domain": erasure.DOMAIN,
    "kept_seconds": (CONTEXT_KEPT - timedelta(days=1)).total_seconds(),
}


class NotSendable(Problem):
    """This mail has not failed, or what it said is not kept any more. There is nothing to send again."""

    status, slug = 409, "mail-not-sendable"


class AddressSuppressed(Exception):
    """The address has refused mails, or its owner wants none: it is not tried again."""


class NotRendered(Exception):
    """A ticket's PDF isn't stored yet; it will be."""


PdfOf = Callable[[Ticket], bytes | None]
"""The source of a ticket's PDF; None where it isn't there yet."""


def resend(tx: Transaction, email_id: UUID, *, by: UUID) -> None:
    """Enqueue a failed mail again, for ten tries at most. Raises NotFound, NotSendable."""
    if tx.execute(_STATUS, {"id": email_id}).first() is None:
        raise NotFound
    queued = tx.execute(_REQUEUE, {"id": email_id, **KEPT}).first()
    if queued is None:
        raise NotSendable
    outbox.add(tx, "email.requested", {"email_id": email_id})
    manual_tasks.close(tx, email_id, by=by)
    audit.record(tx, "mail.sent_again", subject="email", subject_id=email_id, actor_id=by, template=queued.template)


def send(email_id: UUID, attempt: int, *, pdf_of: PdfOf) -> None:
    """Send a mail unless that is done. `attempt` is the number of this delivery of its message.

    A mail that SendGrid will never take, or that ten tries could not send, is left to a person. Every
    other error is raised, so that the delivery is repeated. Opens its own transactions.
    """
    email = _claim(email_id)
    if email is None:
        return
    try:
        _require_reachable(email)
        message_id = _send_by_sendgrid(compose(email, pdf_of))
    except AddressSuppressed as suppressed:
        _mark_dropped(email, str(suppressed))
    except Obsolete as reason:
        _mark_failed(email, str(reason), needs_a_person=False)
    except GatewayRefused as refusal:
        _mark_failed(email, str(refusal))
    except Exception as error:
        if max(email.attempts, attempt) < MAX_ATTEMPTS:
            _release(email, error)
            raise
        _mark_failed(email, _error_text(error))
    else:
        _mark_sent(email, message_id)


def compose(email: QueuedEmail, pdf_of: PdfOf) -> Mail:
    """The mail as it goes out. Raises Obsolete, or NotRendered: try again. Opens its own transaction."""
    with transaction() as tx:
        context = template_context.build(tx, email)
        if email.template not in _TO_THE_FORMER_OWNER:
            context = unverified_recipients.without_unverified_text(tx, email.to_address, context)
    rendered = render(email.template, email.language, context)
    attached = context["tickets"] if context.get("are_attached") else []
    return Mail(
        to=email.to_address,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        attachments=[_attachment(ticket, pdf_of) for ticket in attached],
        custom_args={EMAIL_ID_ARGUMENT: str(email.id)},
        categories=[email.template],
        headers=unsubscribe_links.headers(context["unsubscribe_url"]) if "unsubscribe_url" in context else {},
        is_delivered=not email.to_address.endswith(f"@{addresses.SYNTHETIC_DOMAIN}"),
    )


def _require_reachable(email: QueuedEmail) -> None:
    """Refuse an address that is suppressed; have SendGrid forget one that was, and is to be tried again.

    Raises AddressSuppressed, and what SendGrid raises. Opens its own transaction.
    """
    if email.suppression_reason is None:
        return
    if email.is_suppressed:
        raise AddressSuppressed(f"suppressed: {email.suppression_reason}")
    by_reason = suppressions.LISTS[SuppressionReason(email.suppression_reason)]
    registry.sendgrid().remove_suppression(email.to_address, by_reason)
    with transaction() as tx:
        suppressions.remove_lifted(tx, email.to_address)


def _attachment(ticket: Ticket, pdf_of: PdfOf) -> Attachment:
    content = pdf_of(ticket)
    if content is None:
        raise NotRendered(f"ticket {ticket.id}")
    return Attachment(f"tiket-{ticket.id}.pdf", "application/pdf", content)


def _send_by_sendgrid(mail: Mail) -> str | None:
    try:
        return registry.sendgrid().send(mail)
    except PayloadUnreadable:  # accepted, only without the id: asking again would send it again
        return None


def _claim(email_id: UUID) -> QueuedEmail | None:
    """The mail, held for this try alone; None where nothing is left to do. Raises TryAgain where another holds it."""
    with autocommit() as tx:
        row = tx.execute(_CLAIM, {"id": email_id, "held_seconds": LEASE_SECONDS}).first()
        if row:
            return QueuedEmail(**row._mapping)
        if tx.execute(_STATUS, {"id": email_id}).scalar() == EmailStatus.QUEUED:
            raise TryAgain("Another delivery is sending this mail.", retry_after_seconds=LEASE_SECONDS)
    return None


def _release(email: QueuedEmail, error: Exception) -> None:
    with transaction() as tx:
        tx.execute(_RELEASE, {"id": email.id, "error": _error_text(error)})
    details = {"email_id": str(email.id), "attempts": email.attempts, "error": _error_text(error)}
    log.warning("mail.delayed", extra=details)


def _mark_sent(email: QueuedEmail, message_id: str | None) -> None:
    with autocommit() as tx:
        tx.execute(_SENT, {"id": email.id, "message_id": message_id, **CLEARED_CONTEXT})
    log.info("mail.sent", extra={"email_id": str(email.id), "template": email.template})


def _mark_dropped(email: QueuedEmail, error: str) -> None:
    with transaction() as tx:
        tx.execute(_DROPPED, {"id": email.id, "error": error, **CLEARED_CONTEXT})
    log.info("mail.suppressed", extra={"email_id": str(email.id), "template": email.template, "reason": error})


def _mark_failed(email: QueuedEmail, error: str, *, needs_a_person: bool = True) -> None:
    with transaction() as tx:
        tx.execute(_FAILED, {"id": email.id, "error": error, **CLEARED_CONTEXT})
        if needs_a_person:
            manual_tasks.add(
                tx, "mail_failed", subject="email", subject_id=email.id, template=email.template, error=error
            )
    log.log(
        logging.ERROR if needs_a_person else logging.INFO,
        "mail.failed" if needs_a_person else "mail.obsolete",
        extra={"email_id": str(email.id), "template": email.template, "error": error},
    )


def _error_text(error: Exception) -> str:
    """An error in words that hold no personal data: only gateway errors promise that for their text."""
    return str(error) if isinstance(error, GatewayError) else type(error).__name__
