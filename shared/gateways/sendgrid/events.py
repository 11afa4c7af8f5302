"""SendGrid's event webhook: what became of messages (NS-008).

Signed with ECDSA P-256 over the timestamp and the raw body, so the body must come as it was received:
parsing and printing it again loses the line ends that were signed.
"""

import base64
import binascii
import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from shared.gateways.errors import PayloadUnreadable, SignatureInvalid
from shared.gateways.fields import Fields, header, parse_json
from shared.gateways.sendgrid.client import GATEWAY

MAX_AGE = timedelta(days=2)
"""SendGrid repeats a batch for a day."""
MAX_AHEAD = timedelta(minutes=5)

SIGNATURE_HEADER = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER = "X-Twilio-Email-Event-Webhook-Timestamp"

_OWN_KEYS = frozenset(
    {
        "email", "timestamp", "event", "sg_event_id", "sg_message_id", "smtp-id", "category", "reason", "status",
        "response", "attempt", "ip", "useragent", "url", "url_offset", "tls", "type", "bounce_classification",
        "pool", "asm_group_id", "sg_machine_open", "sg_content_type", "sg_template_id", "sg_template_name",
        "marketing_campaign_id", "marketing_campaign_name", "send_at", "cert_err", "newsletter",
    }
)  # fmt: skip


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MailEvent:
    """One thing that happened to one message: processed, delivered, open, click, bounce, dropped, ...

    `event_id` is the same for every repeat. `message_id` is what `SendGrid.send` returned; it is
    missing on late bounces. A bounce that `is_block` is the mailbox's no to this message, not to the
    address. An open that `is_by_machine` was a mail program's, which loads pictures for nobody.
    Events come repeated and out of order.
    """

    event_id: str
    kind: str
    at: datetime
    message_id: str | None
    reason: str | None
    custom_args: Mapping[str, str]
    is_block: bool = False
    is_by_machine: bool = False


def read_events(headers: Mapping[str, str], body: bytes, public_key: str, *, now: datetime) -> list[MailEvent]:
    """Check who sent a batch of events, and when, and read it.

    `public_key` is the text SendGrid shows when signing is switched on; an empty one refuses
    everything. Repeats may be a day old: go by `event_id`. What is older than MAX_AGE is somebody
    who has kept it. Raises SignatureInvalid, PayloadUnreadable.
    """
    verify(headers, body, public_key)
    _check_age(headers, now)
    return parse_events(body)


def _check_age(headers: Mapping[str, str], now: datetime) -> None:
    try:
        signed_at = _moment(header(headers, TIMESTAMP_HEADER))
    except PayloadUnreadable:
        raise SignatureInvalid(GATEWAY, "timestamp malformed") from None
    if not now - MAX_AGE <= signed_at <= now + MAX_AHEAD:
        raise SignatureInvalid(GATEWAY, "timestamp too old or ahead")


def verify(headers: Mapping[str, str], body: bytes, public_key: str) -> None:
    """Raise SignatureInvalid unless SendGrid signed exactly this body."""
    signature, timestamp = header(headers, SIGNATURE_HEADER), header(headers, TIMESTAMP_HEADER)
    if not public_key or not signature or not timestamp:
        raise SignatureInvalid(GATEWAY, "signature, timestamp or key missing")
    try:
        key = load_der_public_key(base64.b64decode(public_key, validate=True))
        if not isinstance(key, EllipticCurvePublicKey):
            raise SignatureInvalid(GATEWAY, "key is no elliptic-curve key")
        key.verify(base64.b64decode(signature, validate=True), timestamp.encode() + body, ECDSA(SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, binascii.Error, ValueError):
        raise SignatureInvalid(GATEWAY, "signature wrong") from None


def parse_events(body: bytes) -> list[MailEvent]:
    """The events of a batch, without asking who sent it. Those that can't be read are left out, and logged.

    A batch that is refused comes again as it is, for a day. Raises PayloadUnreadable where it is no list.
    """
    batch = parse_json(GATEWAY, body)
    if not isinstance(batch, list):
        raise PayloadUnreadable(GATEWAY, "no list of events")
    return list(_readable(batch))


def _readable(batch: Sequence[Any]) -> Iterator[MailEvent]:
    for entry in batch:
        try:
            yield _event(Fields(GATEWAY, entry))
        except PayloadUnreadable as error:
            log.warning("mail_event.unreadable", extra={"reason": error.reason})


def _event(event: Fields) -> MailEvent:
    message_id = event.optional_text("sg_message_id")
    return MailEvent(
        event_id=event.optional_text("sg_event_id") or _fingerprint(event.body),
        kind=event.text("event"),
        at=_moment(event.text("timestamp")),
        message_id=message_id.split(".", 1)[0] if message_id else None,
        reason=event.lenient_text("reason") or event.lenient_text("response"),
        custom_args={
            name: value for name, value in event.body.items() if name not in _OWN_KEYS and isinstance(value, str)
        },
        is_block=event.lenient_text("type") == "blocked",
        is_by_machine=event.body.get("sg_machine_open") is True,
    )


def _moment(written: str | None) -> datetime:
    try:
        return datetime.fromtimestamp(int(written or ""), UTC)
    except (ValueError, OverflowError, OSError):
        raise PayloadUnreadable(GATEWAY, "field timestamp is malformed") from None


def _fingerprint(event: Mapping[str, Any]) -> str:
    """An id for events that have none (account events, the dashboard's test): equal content, equal id."""
    canonical = json.dumps(event, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()
