"""The origin of a sign-in: a network, or a device that has signed in to the account before.

Strangers use up the attempts of their own networks only. A known device has a cookie that browsers get when they sign
in, or a valid refresh token of the account; a signed-in caller is known by their session.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import Transaction
from shared.cloud.secrets import secret
from shared.identity import tokens

MAX_ACCOUNTS = 5
"""The most accounts that a browser is known for; the one it signed in to longest ago is dropped first."""
_SEPARATOR = "~"

# Uses index: refresh_tokens_pkey
_FAMILY = text("""
    SELECT family_id FROM refresh_tokens
    WHERE token_hash = :token_hash AND user_id = :user_id AND ended_at IS NULL AND expires_at > now()
""")


@dataclass(frozen=True)
class ClientNetwork:
    """The network and device that a request comes from. `network` is a /24, or a /64 of IPv6."""

    network: str = ""
    device: str | None = None
    refresh_token: str | None = None
    is_browser: bool = False
    """True if it uses cookies instead of tokens."""
    google_key: str | None = None
    """The key of the browser that started a sign-in with Google (google_nonces)."""


UNKNOWN_CLIENT = ClientNetwork()
"""A caller of whom nothing is known."""


def known_device(tx: Transaction, client: ClientNetwork, user_id: UUID) -> str | None:
    """The key of a device or session that has signed in to this account before; None for others."""
    for entry in (client.device or "").split(_SEPARATOR):
        owner, _, rest = entry.partition(".")
        device_id, _, signature = rest.partition(".")
        if owner == user_id.hex and hmac.compare_digest(signature.encode(), _signature(owner, device_id).encode()):
            return f"device {device_id}"
    if client.refresh_token is None:
        return None
    token_hash = hashlib.sha256(client.refresh_token.encode()).hexdigest()
    family_id = tx.execute(_FAMILY, {"token_hash": token_hash, "user_id": user_id}).scalar()
    return f"session {family_id}" if family_id else None


def device_token(before: str | None, user_id: UUID) -> str | None:
    """The cookie value by which a browser is known for one more account; None where it is known already."""
    entries = (before or "").split(_SEPARATOR) if before else []
    if any(entry.startswith(f"{user_id.hex}.") for entry in entries):
        return None
    device_id = secrets.token_hex(8)
    entry = f"{user_id.hex}.{device_id}.{_signature(user_id.hex, device_id)}"
    return _SEPARATOR.join([entry, *entries][:MAX_ACCOUNTS])


def _signature(owner: str, device_id: str) -> str:
    return hmac.digest(secret(tokens.KEY).encode(), f"device:{owner}:{device_id}".encode(), "sha256").hex()[:32]
