"""Deliveries by Google: Pub/Sub pushes, Cloud Tasks and Scheduler jobs, each with an OIDC token that is verified.

Cloud Run has checked the token already where a function is internal. It is checked here again because
some functions are public too, and because the same code must hold on a laptop.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import jwt
from flask import Request
from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.datastructures import Headers

from shared.cloud.settings import function_url, settings
from shared.gateways import google_keys
from shared.gateways.errors import GatewayError
from shared.problems import Malformed, NotSignedIn, TryAgain

_ISSUERS = ("https://accounts.google.com", "accounts.google.com")
_SKEW_SECONDS = 10


def verify_caller(request: Request, function: str) -> None:
    """Verify that Google's delivery services call, as our invoker account.

    Raises NotSignedIn, or TryAgain where Google's keys can't be had: the delivery comes again.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        claims = _verified(token, function_url(function)) if scheme.lower() == "bearer" else {}
    except jwt.PyJWTError as error:
        raise NotSignedIn("Only our own services may call this.") from error
    if claims.get("email") != settings().invoker or claims.get("email_verified") is not True:
        raise NotSignedIn("Only our own services may call this.")


def _verified(token: str, audience: str) -> Mapping[str, Any]:
    """The claims of a token that Google has signed for `audience`. Raises PyJWTError, TryAgain."""
    key_id = str(jwt.get_unverified_header(token).get("kid"))
    try:
        key = google_keys.public_key(settings().oidc_certs_url, key_id)
    except GatewayError as error:
        raise TryAgain("Google's keys can't be had right now.") from error
    if key is None:
        raise jwt.InvalidKeyError
    claims: Mapping[str, Any] = jwt.decode(
        token,
        key,
        algorithms=["RS256"],
        audience=audience,
        issuer=_ISSUERS,
        leeway=_SKEW_SECONDS,
        options={"require": ["iss", "aud", "iat", "exp"]},
    )
    return claims


class _PubsubMessage(BaseModel):
    model_config = ConfigDict(extra="ignore")
    data: str = ""
    attributes: dict[str, str] = {}


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="ignore")
    message: _PubsubMessage
    deliveryAttempt: int = 1  # noqa: N815 - the wire's own name


class Delivery(BaseModel):
    """A message without its envelope."""

    payload: bytes
    attributes: dict[str, str]
    attempt: int


def parse_push(body: bytes) -> Delivery:
    """Parse a Pub/Sub push. Raises Malformed, after which the message ends in the dead-letter topic."""
    try:
        envelope = _Envelope.model_validate_json(body)
        payload = base64.b64decode(envelope.message.data, validate=True)
    except (ValidationError, binascii.Error) as error:
        raise Malformed("This is not a Pub/Sub push.") from error
    return Delivery(payload=payload, attributes=envelope.message.attributes, attempt=envelope.deliveryAttempt)


def task_attempt(headers: Headers) -> int:
    """The attempt of a Cloud Task, from 1."""
    count = headers.get("X-CloudTasks-TaskRetryCount", "0")
    return int(count) + 1 if str(count).isdigit() else 1
