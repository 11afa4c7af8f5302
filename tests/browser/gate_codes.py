"""Codes and snapshots as a gate's device meets them, made here so that the device is held to the format itself."""

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

VALID, USED, VOID, OUTSIDE, REPLACED = range(5)


def base32(content: bytes) -> str:
    return base64.b32encode(content).decode().rstrip("=")


def moment(**ago: float) -> str:
    """A moment so long ago, as the API writes it."""
    return (datetime.now(UTC) - timedelta(**ago)).isoformat().replace("+00:00", "Z")


@dataclass
class Codes:
    """The codes of an event, and the snapshot that a device has of it."""

    event_id: UUID = field(default_factory=uuid4)
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    records: dict[str, int] = field(default_factory=dict)

    def old(self, name: str = "Rina", *, event_id: UUID | None = None) -> str:
        """A code of the first generation; no device can tell whether it is genuine."""
        parts = [uuid4().bytes, (event_id or self.event_id).bytes, name.encode(), b"0123456789abcdef"]
        return ".".join(["K1", *map(base32, parts)])

    def signed(
        self,
        name: str = "Rina",
        *,
        event_id: UUID | None = None,
        ticket_id: UUID | None = None,
        ago: float = 0.0,
    ) -> str:
        """A code of the third generation, issued so many seconds ago."""
        issued_at = int(datetime.now(UTC).timestamp() - ago).to_bytes(4)
        ids = [(ticket_id or uuid4()).bytes, (event_id or self.event_id).bytes]
        parts = [*ids, name.encode(), (1).to_bytes(2), issued_at]
        signed_part = ".".join(["K3", *map(base32, parts)])
        return f"{signed_part}.{base32(self.key.sign(signed_part.encode()))}"

    def known(self, state: int, *, tier: int = 0, code: str = "") -> str:
        """A code that the snapshot holds, a new one unless it is given."""
        code = code or self.old()
        self.records[code] = state | tier << 3
        return code

    def snapshot(self, **changed: Any) -> dict[str, Any]:
        """The snapshot, taken ten minutes ago, at an hour when the gates are open."""
        records = [hashlib.sha256(code.encode()).digest()[:6] + bytes([value]) for code, value in self.records.items()]
        public_key = base64.urlsafe_b64encode(self.key.public_key().public_bytes_raw()).decode().rstrip("=")
        return {
            "event_id": str(self.event_id),
            "taken_at": moment(minutes=10),
            "cursor": "1",
            "is_delta": False,
            "complete_until": moment(minutes=12),
            "scan_from": moment(hours=2),
            "scan_until": moment(hours=-6),
            "allows_reentry": False,
            "prefixes": ["K1", "K2", "K3"],
            "keys": [{"prefix": "K3", "public_key": public_key}],
            "tiers": [
                {"index": 0, "tier_id": "festival", "name": "Festival"},
                {"index": 1, "tier_id": "vip", "name": "VIP"},
            ],
            "tickets": base64.b64encode(b"".join(records)).decode(),
            **changed,
        }
