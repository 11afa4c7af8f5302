"""Webhooks without the proof that their gateway sent them: refused, counted, and a sample of them kept (MON)."""

import logging

from shared.cloud import audit
from shared.cloud.database import transaction
from shared.gateways.errors import SignatureInvalid
from shared.problems import NotSignedIn

log = logging.getLogger(__name__)


class ForgedWebhook(NotSignedIn):
    """The signature of this notification is not right."""

    def __init__(self, gateway: str, reason: str) -> None:
        super().__init__()
        self.gateway = gateway
        self.reason = reason
        """The reason, for our logs."""


def refuse(error: SignatureInvalid) -> ForgedWebhook:
    """The refusal of a notification, which is counted by its line in the log."""
    log.warning("webhook.rejected", extra={"gateway": error.gateway})
    return ForgedWebhook(error.gateway, error.reason)


def record(forged: ForgedWebhook) -> None:
    """Keep for years that somebody forges notifications. A sample of them will do: anybody can send any number."""
    with transaction() as tx:
        audit.record(tx, "webhook.rejected", subject="gateway", subject_id=forged.gateway, reason=forged.reason)
