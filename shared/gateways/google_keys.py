"""The public keys of Google's ID tokens, kept as long as Google says (docs/reference/gateways.md)."""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_pem_x509_certificate
from werkzeug.datastructures import ResponseCacheControl
from werkzeug.http import parse_cache_control_header

from shared.gateways.errors import GatewayUnavailable, PayloadUnreadable

GATEWAY = "google"
TIMEOUT_SECONDS = 5
REFETCH_SECONDS = 1
"""Keys younger than this aren't fetched again for a key id they lack: made-up ids must not flood Google."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Kept:
    keys: Mapping[str, RSAPublicKey]
    fetched_at: float
    fresh_until: float


_kept: dict[str, _Kept] = {}
_fetching = threading.Lock()


def public_key(url: str, key_id: str) -> RSAPublicKey | None:
    """The key of that id among those at `url`, or None where there is none, also not a moment ago.

    Raises GatewayUnavailable or PayloadUnreadable where Google's keys are needed and can't be had.
    """
    with _fetching:
        kept = _kept.get(url)
        if kept is None or not _serves(kept, key_id):
            kept = _kept[url] = _fetch(url)
    return kept.keys.get(key_id)


def _serves(kept: _Kept, key_id: str) -> bool:
    now = time.monotonic()
    return now < kept.fresh_until and (key_id in kept.keys or now - kept.fetched_at < REFETCH_SECONDS)


def _fetch(url: str) -> _Kept:
    try:
        response = requests.get(url, timeout=TIMEOUT_SECONDS)
        response.raise_for_status()
    except requests.RequestException as error:
        log.warning("google.keys_unavailable", extra={"error": type(error).__name__})
        raise GatewayUnavailable(
            GATEWAY, type(error).__name__, retry_after_seconds=TIMEOUT_SECONDS, outcome_unknown=False
        ) from None
    now = time.monotonic()
    return _Kept(_keys_in(response), now, now + _fresh_seconds(response))


def _keys_in(response: requests.Response) -> dict[str, RSAPublicKey]:
    """The RSA keys of a document `{key id: certificate in PEM}`."""
    try:
        keys = {key_id: load_pem_x509_certificate(pem.encode()).public_key() for key_id, pem in response.json().items()}
    except (ValueError, AttributeError):
        raise PayloadUnreadable(GATEWAY, "the signing keys are not certificates in PEM") from None
    return {key_id: key for key_id, key in keys.items() if isinstance(key, RSAPublicKey)}


def _fresh_seconds(response: requests.Response) -> int:
    """The rest of Cache-Control's max-age, less the time that the response lay in caches on the way (Age)."""
    control = parse_cache_control_header(response.headers.get("Cache-Control"), cls=ResponseCacheControl)
    age = response.headers.get("Age", "")
    return max((control.max_age or 0) - (int(age) if age.isdigit() else 0), 0)
