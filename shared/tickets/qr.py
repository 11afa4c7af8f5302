"""The text in a ticket's QR code: who may enter where, and a keyed hash that nobody else can make (TS-015).

    K1.<ticket id>.<event id>.<attendee's name>.<validation hash>
    K2.<ticket id>.<event id>.<attendee's name>.<revision>.<validation hash>   once the holder's name was changed

Every part is base32 without padding, so that a scanner reads the compact alphanumeric mode of QR codes.
Nothing of it is stored: the ticket's id is the truth, and the hash says that the text came from us.
The key outlives every printed ticket: a new key needs a new prefix beside `K1`, not a new version.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from shared.cloud.secrets import secret

KEY: Final = "ticket-signing-key"
NAME_BYTES: Final = 64
"""The bytes of a name (in UTF-8) that go in. More makes the code finer than cheap scanners read."""

_PREFIX: Final = "K1"
_REVISED: Final = "K2"
_HASH_BYTES: Final = 16
_REVISION_BYTES: Final = 2
_MAX_LENGTH: Final = 200
"""Characters; the longest text that `encode` makes has 192."""


@dataclass(frozen=True)
class QrContent:
    """The content of a ticket's QR code. `attendee_name` is cut to NAME_BYTES; only the last `revision` is valid."""

    ticket_id: UUID
    event_id: UUID
    attendee_name: str
    revision: int = 1


def encode(content: QrContent) -> str:
    """The text for the QR code of that ticket."""
    name = content.attendee_name.encode()[:NAME_BYTES].decode(errors="ignore").encode()
    facts = [content.ticket_id.bytes, content.event_id.bytes, name]
    if content.revision > 1:
        facts.append(content.revision.to_bytes(_REVISION_BYTES))
    signed_part = ".".join([_REVISED if content.revision > 1 else _PREFIX, *map(_base32, facts)])
    return f"{signed_part}.{_base32(_validation_hash(signed_part))}"


def read(text: str) -> QrContent | None:
    """The content of a scanned text, or None for anything that `encode` did not make with our key."""
    content = _parse(text) if len(text) <= _MAX_LENGTH and text.isascii() else None
    if content is None:
        return None
    # Compared as a whole, so that no second spelling of a genuine text passes either.
    return content if hmac.compare_digest(encode(content).encode(), text.encode()) else None


def _parse(text: str) -> QrContent | None:
    try:
        _, ticket_id, event_id, name, *rest, _ = text.split(".")
        return QrContent(
            UUID(bytes=_from_base32(ticket_id)),
            UUID(bytes=_from_base32(event_id)),
            _from_base32(name).decode(),
            _revision(*rest) if rest else 1,
        )
    except ValueError:  # too few parts, no base32, no id, no UTF-8
        return None


def _revision(written: str, *more: str) -> int:
    number = _from_base32(written)
    if more or len(number) != _REVISION_BYTES:
        raise ValueError
    return int.from_bytes(number)


def _validation_hash(signed_part: str) -> bytes:
    return hmac.digest(secret(KEY).encode(), signed_part.encode(), hashlib.sha256)[:_HASH_BYTES]


def _base32(content: bytes) -> str:
    return base64.b32encode(content).decode().rstrip("=")


def _from_base32(written: str) -> bytes:
    return base64.b32decode(written + "=" * (-len(written) % 8))
