"""Verification of Google's ID tokens (UM-003; docs/reference/gateways.md)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from pydantic import TypeAdapter, ValidationError

from shared.cloud import clock
from shared.cloud.settings import settings
from shared.field_types import plain_name
from shared.gateways import google_keys
from shared.gateways.errors import GatewayError
from shared.identity import google_nonces
from shared.identity.addresses import EmailAddress
from shared.identity.client_networks import UNKNOWN_CLIENT, ClientNetwork
from shared.problems import Forbidden, NotSignedIn, TryAgain

ISSUERS = ("https://accounts.google.com", "accounts.google.com")
SKEW_SECONDS = 10
"""The tolerated difference between Google's clock and ours."""
MAX_AGE_SECONDS = 300
"""The maximum age of a token from an app, which no cookie binds to a browser."""
MAX_NAME_LENGTH = 255

_ADDRESS: TypeAdapter[str] = TypeAdapter(EmailAddress)


class GoogleTokenInvalid(NotSignedIn):
    """Google did not confirm who you are. Sign in with Google again."""

    slug = "google-token-invalid"


class GoogleSignInOff(Forbidden):
    """Signing in with Google is not set up here. Use e-mail and password."""

    slug = "google-sign-in-off"


@dataclass(frozen=True)
class GoogleIdentity:
    """A person at Google. `subject` is the identity; the address can change and is never a key.

    `owns_address` is true where Google itself hosts the mailbox, so that nobody else can be its owner: Gmail, or a
    Workspace domain (`hd`). Elsewhere Google has verified the address once, perhaps long ago.
    """

    subject: str
    email: str
    full_name: str
    owns_address: bool
    used: tuple[str, ...] = field(default=(), compare=False, repr=False)
    """Hashes of what may be used once: the token, and its nonce where we have issued it."""
    expires_at: int = field(default=0, compare=False)
    """The time at which the token expires, in seconds since 1970."""


def client_ids() -> list[str]:
    """The OAuth client ids of our pages and apps; none where sign-in with Google is not set up."""
    return [each.strip() for each in settings().google_client_ids.split(",") if each.strip()]


def verify(id_token: str, nonce: str | None, client: ClientNetwork = UNKNOWN_CLIENT) -> GoogleIdentity:
    """Verify a Google ID token; return its identity, whose address Google has verified.

    Raises GoogleTokenInvalid, GoogleSignInOff, or TryAgain where Google's keys are unavailable.
    """
    if not client_ids():
        raise GoogleSignInOff
    try:
        claims = _verified(id_token)
    except jwt.PyJWTError as error:
        raise GoogleTokenInvalid from error
    if not _is_started_here(claims, nonce, client):
        raise GoogleTokenInvalid("This sign-in was not started here. Sign in with Google again.")
    if claims.get("email_verified") is not True:
        raise GoogleTokenInvalid("Google has not verified your address. Verify it with Google, then sign in again.")
    return _identity(claims, _single_use_hashes(id_token, claims))


def _is_started_here(claims: Mapping[str, Any], nonce: str | None, client: ClientNetwork) -> bool:
    """True if a browser proves by its cookie that it started this sign-in; for an app, if the token is fresh.

    An app must send the nonce of its own. A nonce of ours is never an app's, or a stolen token would need no cookie.
    """
    nonce_claim = claims.get("nonce")
    if client.is_browser or google_nonces.is_issued_by_us(nonce_claim):
        return nonce in (None, nonce_claim) and google_nonces.is_valid(nonce_claim, client.google_key)
    return nonce_claim == nonce and claims["iat"] >= clock.now().timestamp() - MAX_AGE_SECONDS - SKEW_SECONDS


def _single_use_hashes(id_token: str, claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Hashes that make a token usable once. The signature is left out, as it can be written in several ways."""
    signed = hashlib.sha256(id_token.rpartition(".")[0].encode()).hexdigest()
    if not google_nonces.is_issued_by_us(claims.get("nonce")):
        return (signed,)
    return (signed, hashlib.sha256(f"nonce {claims['nonce']}".encode()).hexdigest())


def _verified(id_token: str) -> dict[str, Any]:
    header = jwt.get_unverified_header(id_token)
    # Checked before the key: a token of another algorithm must not even choose one.
    if header.get("alg") != "RS256":
        raise jwt.InvalidAlgorithmError
    try:
        key = google_keys.public_key(settings().google_certs_url, str(header.get("kid")))
    except GatewayError as error:
        raise TryAgain("Google can't be asked right now. Try again in a moment.", retry_after_seconds=5) from error
    if key is None:
        raise jwt.InvalidKeyError
    claims: dict[str, Any] = jwt.decode(
        id_token,
        key,
        algorithms=["RS256"],
        audience=client_ids(),
        issuer=ISSUERS,
        leeway=SKEW_SECONDS,
        options={"require": ["iss", "aud", "sub", "iat", "exp"]},
    )
    return claims


def _identity(claims: Mapping[str, Any], used: tuple[str, ...]) -> GoogleIdentity:
    try:
        email = _ADDRESS.validate_python(claims.get("email"))
    except ValidationError as error:
        raise GoogleTokenInvalid("Google told us no address. Allow it to share your e-mail address.") from error
    return GoogleIdentity(
        subject=claims["sub"],
        email=email,
        full_name=_name(claims.get("name"), email),
        owns_address=email.endswith("@gmail.com") or bool(claims.get("hd")),
        used=used,
        expires_at=int(claims["exp"]),
    )


def _name(given: Any, email: str) -> str:
    """The name as one line, or the local part of the address where Google has none."""
    letters = "".join(letter if letter.isprintable() else " " for letter in str(given or ""))
    name = " ".join(letters.split())[:MAX_NAME_LENGTH].strip()
    try:
        return plain_name(name) or email.partition("@")[0]
    except ValueError:  # a link in the client of a name
        return email.partition("@")[0]
