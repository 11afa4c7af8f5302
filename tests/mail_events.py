"""SendGrid's events as a test has them sent: batches, signed with a key of the tests."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from shared.gateways.sendgrid.events import SIGNATURE_HEADER, TIMESTAMP_HEADER

_KEY = ec.generate_private_key(ec.SECP256R1())


def public_key_text(key: Any) -> str:
    """A public key as SendGrid shows it."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


PUBLIC_KEY = public_key_text(_KEY.public_key())


def an_event(kind: str, email_id: UUID | str | None = None, **fields: Any) -> dict[str, Any]:
    """An event about one of our mails, now, unless told otherwise."""
    named = {"karcis_email_id": str(email_id)} if email_id else {}
    return {
        "email": "siti@example.com",
        "timestamp": int(datetime.now(UTC).timestamp()),
        "event": kind,
        "sg_event_id": uuid4().hex,
        "sg_message_id": "sg-message-1.recvd-1.0",
        **named,
        **fields,
    }


def signed(events: Any, *, at: datetime | None = None) -> tuple[Mapping[str, str], bytes]:
    """The headers and the body of a batch, signed at this moment (now)."""
    body = json.dumps(events).encode() + b"\r\n"
    timestamp = str(int((at or datetime.now(UTC)).timestamp()))
    signature = _KEY.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))
    return {SIGNATURE_HEADER: base64.b64encode(signature).decode(), TIMESTAMP_HEADER: timestamp}, body
