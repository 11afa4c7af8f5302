"""Nonces that bind a sign-in with Google to the browser that began it (OpenID Connect Core, 3.1.2.1 and 15.5.2).

    key     random, in an HttpOnly cookie: only this browser has it
    nonce   when it expires, a random part, the hash of the key, and our signature; Google puts it into the ID token

Whoever has got hold of an ID token reads the nonce in it, and can't make the key of that.
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
"""From the page with the button to the click on it."""


class GoogleNonceResponse(ResponseModel):
    """The `nonce` to give to Google's button. The browser's key comes with it, as a cookie."""

    nonce: str
    expires_in: int = LIFE_SECONDS
    key: Annotated[str, Field(exclude=True, repr=False)]
    """For the cookie; not part of the answer."""


def issue(key: str | None) -> GoogleNonceResponse:
    """A nonce for the browser that has this key, or for a new key: two pages of one browser share it."""
    key = key or secrets.token_urlsafe(32)
    said = f"{int(clock.now().timestamp()) + LIFE_SECONDS}.{secrets.token_hex(8)}.{_hashed(key)}"
    return GoogleNonceResponse(nonce=f"{said}.{_signature(said)}", key=key)


def is_ours(nonce: object) -> bool:
    """Whether we have issued it, however long ago."""
    if not isinstance(nonce, str) or not nonce.isascii():
        return False
    said, _, signature = nonce.rpartition(".")
    return hmac.compare_digest(signature.encode(), _signature(said).encode())


def is_good(nonce: object, key: str | None) -> bool:
    """Whether we have issued it to the browser that has this key, within the last hour."""
    if not isinstance(nonce, str) or not key or not is_ours(nonce):
        return False
    expires_at, _, key_hash, _ = nonce.split(".")
    return int(expires_at) >= clock.now().timestamp() and hmac.compare_digest(key_hash, _hashed(key))


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _signature(said: str) -> str:
    return hmac.digest(secret(tokens.KEY).encode(), f"google nonce:{said}".encode(), "sha256").hex()
