"""Nonces that bind a sign-in with Google to the browser that started it (OpenID Connect Core, 3.1.2.1 and 15.5.2).

    key     random, in an HttpOnly cookie that only this browser has
    nonce   its expiry, a random part, the hash of the key, and our signature; Google puts it into the ID token

A thief of an ID token can read its nonce, but can't derive the key from it.
"""

import hashlib
import hmac
import secrets
from typing import Annotated

from pydantic import Field

from shared.cloud import clock
from shared.cloud.secrets import secret
from shared.identity import tokens
from shared.models import ResponseModel

LIFE_SECONDS = 3600
"""The time between loading the page with the button and the click on it."""


class GoogleNonceResponse(ResponseModel):
    """The `nonce` to give to Google's button. The browser's key comes with it, as a cookie."""

    nonce: str
    expires_in: int = LIFE_SECONDS
    key: Annotated[str, Field(exclude=True, repr=False)]
    """The value of the cookie; not part of the response."""


def issue(key: str | None) -> GoogleNonceResponse:
    """Issue a nonce for the browser with this key, or with a new key. All pages of a browser share the key."""
    key = key or secrets.token_urlsafe(32)
    payload = f"{int(clock.now().timestamp()) + LIFE_SECONDS}.{secrets.token_hex(8)}.{_hashed(key)}"
    return GoogleNonceResponse(nonce=f"{payload}.{_signature(payload)}", key=key)


def is_issued_by_us(nonce: object) -> bool:
    """True if we have issued a nonce, however long ago."""
    if not isinstance(nonce, str) or not nonce.isascii():
        return False
    payload, _, signature = nonce.rpartition(".")
    return hmac.compare_digest(signature.encode(), _signature(payload).encode())


def is_valid(nonce: object, key: str | None) -> bool:
    """True if we have issued a nonce to the browser with this key within the last hour."""
    if not isinstance(nonce, str) or not key or not is_issued_by_us(nonce):
        return False
    expires_at, _, key_hash, _ = nonce.split(".")
    return int(expires_at) >= clock.now().timestamp() and hmac.compare_digest(key_hash, _hashed(key))


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _signature(payload: str) -> str:
    return hmac.digest(secret(tokens.KEY).encode(), f"google nonce:{payload}".encode(), "sha256").hex()
