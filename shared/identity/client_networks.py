"""From where somebody tries to sign in: a network, or a device that has signed in to the account before.

Strangers use up the tries of their own networks only. A device is known by a cookie that a browser gets when it
signs in, or by a refresh token of the account that is still good; a caller who is signed in, by their session.
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

MOST_ACCOUNTS = 5
"""How many accounts one browser is known for; the one it signed in to longest ago is forgotten first."""
_BETWEEN = "~"

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
    """Whether it asks for cookies in the place of tokens."""
    google_key: str | None = None
    """The key of the browser that began a sign-in with Google (google_nonces)."""


NOWHERE = ClientNetwork()
"""Where nothing is known of a caller."""


def known_as(tx: Transaction, place: ClientNetwork, user_id: UUID) -> str | None:
    """The token of a device that has signed in to this account before; None for one that has not."""
    for entry in (place.device or "").split(_BETWEEN):
        owner, _, rest = entry.partition(".")
        device_id, _, signature = rest.partition(".")
        if owner == user_id.hex and hmac.compare_digest(signature.encode(), _signature(owner, device_id).encode()):
            return f"device {device_id}"
    if place.refresh_token is None:
        return None
    token_hash = hashlib.sha256(place.refresh_token.encode()).hexdigest()
    family_id = tx.execute(_FAMILY, {"token_hash": token_hash, "user_id": user_id}).scalar()
    return f"session {family_id}" if family_id else None


def device_token(before: str | None, user_id: UUID) -> str | None:
    """The cookie's value that makes a browser known for one more account; None where it is known already."""
    entries = (before or "").split(_BETWEEN) if before else []
    if any(entry.startswith(f"{user_id.hex}.") for entry in entries):
        return None
    device_id = secrets.token_hex(8)
    entry = f"{user_id.hex}.{device_id}.{_signature(user_id.hex, device_id)}"
    return _BETWEEN.join([entry, *entries][:MOST_ACCOUNTS])


def _signature(owner: str, device_id: str) -> str:
    return hmac.digest(secret(tokens.KEY).encode(), f"device:{owner}:{device_id}".encode(), "sha256").hex()[:32]
