"""WhatsApp's statuses of our templates: one rejected, paused or disabled is not sent (docs/runbook.md).

A template of which nothing was heard is tried: it may have been approved before the webhook was set up, and one that
is not there is refused, which ends that message alone.
"""

import logging
from typing import Final

from sqlalchemy import text

from shared.cloud import clock
from shared.cloud.database import Transaction
from shared.gateways.whatsapp.webhooks import TemplateStatus

USABLE: Final = ("APPROVED", "REINSTATED", "FLAGGED", "UNPAUSED", "UNARCHIVED")
"""The statuses under which a template may be sent: a flagged one may be, until it is disabled."""

log = logging.getLogger(__name__)

_RECORD = text("""
    INSERT INTO chat_templates AS t (name, language, review_status, reason, changed_at)
    VALUES (:name, :language, :status, :reason, :at)
    ON CONFLICT (name, language) DO UPDATE
    SET review_status = excluded.review_status, reason = excluded.reason, changed_at = excluded.changed_at
    WHERE t.changed_at <= excluded.changed_at
""")
_IS_OFF = text("""
    SELECT EXISTS (SELECT 1 FROM chat_templates
        WHERE name = :name AND language = :language AND review_status <> ALL(:usable))
""")


def record(tx: Transaction, told: TemplateStatus) -> None:
    """Record what became of a template; older word changes nothing."""
    values = {"name": told.name, "language": told.language, "status": told.status, "reason": told.reason}
    tx.execute(_RECORD, {**values, "at": told.at})


def is_usable(tx: Transaction, name: str, language: str) -> bool:
    """True unless WhatsApp has told that this template is not to be sent."""
    values = {"name": name, "language": language, "usable": list(USABLE)}
    return not tx.execute(_IS_OFF, values).scalar_one()


def turn_off(tx: Transaction, name: str, language: str, error_code: str) -> None:
    """Send a template no more until WhatsApp approves it anew, as a message with it was refused."""
    record(tx, TemplateStatus(name, language, "REFUSED", error_code, clock.now()))
    log.error("chat.template_off", extra={"template": name, "language": language, "code": error_code})
