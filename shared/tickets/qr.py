"""The text in a ticket's QR code: who may enter where, and a proof that nobody else can make (TS-015).

    K1.<ticket id>.<event id>.<attendee's name>.<validation hash>
    K2.<ticket id>.<event id>.<attendee's name>.<revision>.<validation hash>   once the holder's name was changed
    K3.<ticket id>.<event id>.<attendee's name>.<revision>.<issued at>.<Ed25519 signature>

Every part is base32 without padding, so that a scanner reads the compact alphanumeric mode of QR codes. New codes are
of K3, whose signature a device proves with the public key and without network (OFFLINE-1); K1 and K2 stay valid.
Nothing of it is stored but a short hash: the ticket's id is the truth, and the proof says that the text came from us.
The keys outlive every printed ticket: a new key needs a new prefix beside `K3`, not a new version.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.cloud.secrets import secret

KEY: Final = "ticket-signing-key"
SIGNATURE_KEY: Final = "ticket-qr-key"
"""A long random text, whose SHA-256 is the private key of the signatures (RFC 8032)."""
SIGNED: Final = "K3"
EARLIER: Final = ("K1", "K2")
NAME_BYTES: Final = 64
"""The bytes of a name (in UTF-8) that go in. More makes the code finer than cheap scanners read."""
SIGNED_NAME_BYTES: Final = 32
"""The same of K3, whose signature takes the room."""
HASH_BYTES: Final = 6
"""The bytes of a text's SHA-256 by which a gate without network knows it."""

_VALIDATION_BYTES: Final = 16
_REVISION_BYTES: Final = 2
_TIME_BYTES: Final = 4
_MAX_LENGTH: Final = 226
"""Characters of the longest text that `encode` makes."""


@dataclass(frozen=True)
class QrContent:
    """The content of a ticket's QR code. `attendee_name` is cut to what goes in; only the last `revision` is valid.

    `issued_at` is None of codes before K3.
    """

    ticket_id: UUID
    event_id: UUID
    attendee_name: str
    revision: int = 1
    issued_at: datetime | None = None


def encode(content: QrContent) -> str:
    """The text for the QR code of that ticket."""
    if content.issued_at:
        return _signed(content, content.issued_at)
    facts = [content.ticket_id.bytes, content.event_id.bytes, _cut(content.attendee_name, NAME_BYTES)]
    if content.revision > 1:
        facts.append(content.revision.to_bytes(_REVISION_BYTES))
    proved_part = ".".join([EARLIER[content.revision > 1], *map(_base32, facts)])
    return f"{proved_part}.{_base32(_validation_hash(proved_part))}"


def _signed(content: QrContent, issued_at: datetime) -> str:
    facts = [
        content.ticket_id.bytes,
        content.event_id.bytes,
        _cut(content.attendee_name, SIGNED_NAME_BYTES),
        content.revision.to_bytes(_REVISION_BYTES),
        int(issued_at.timestamp()).to_bytes(_TIME_BYTES),
    ]
    signed_part = ".".join([SIGNED, *map(_base32, facts)])
    return f"{signed_part}.{_base32(_private_key().sign(signed_part.encode()))}"


def _cut(name: str, size: int) -> bytes:
    return name.encode()[:size].decode(errors="ignore").encode()


def read(text: str) -> QrContent | None:
    """The content of a scanned text, or None for anything that `encode` did not make with our keys."""
    content = _parse(text) if len(text) <= _MAX_LENGTH and text.isascii() else None
    if content is None:
        return None
    # Compared as a whole, so that no second spelling of a genuine text passes either.
    return content if hmac.compare_digest(encode(content).encode(), text.encode()) else None


def short_hash(content: QrContent) -> bytes:
    """The bytes by which a gate without network knows the text of a ticket's code."""
    return hashlib.sha256(encode(content).encode()).digest()[:HASH_BYTES]


def public_key() -> bytes:
    """The public key of the signatures, 32 bytes."""
    return _private_key().public_key().public_bytes_raw()


def _private_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(secret(SIGNATURE_KEY).encode()).digest())


def _parse(text: str) -> QrContent | None:
    try:
        _, ticket_id, event_id, name, *rest, _ = text.split(".")
        return QrContent(
            UUID(bytes=_from_base32(ticket_id)),
            UUID(bytes=_from_base32(event_id)),
            _from_base32(name).decode(),
            *_revision_and_time(*rest),
        )
    except ValueError:  # too few parts, no base32, no id, no UTF-8
        return None


def _revision_and_time(written_revision: str = "", written_time: str = "", *more: str) -> tuple[int, datetime | None]:
    if more:
        raise ValueError
    revision = _number(written_revision, _REVISION_BYTES) if written_revision else 1
    issued_at = datetime.fromtimestamp(_number(written_time, _TIME_BYTES), UTC) if written_time else None
    return revision, issued_at


def _number(written: str, size: int) -> int:
    number = _from_base32(written)
    if len(number) != size:
        raise ValueError
    return int.from_bytes(number)


def _validation_hash(proved_part: str) -> bytes:
    return hmac.digest(secret(KEY).encode(), proved_part.encode(), hashlib.sha256)[:_VALIDATION_BYTES]


def _base32(content: bytes) -> str:
    return base64.b32encode(content).decode().rstrip("=")


def _from_base32(written: str) -> bytes:
    return base64.b32decode(written + "=" * (-len(written) % 8))
