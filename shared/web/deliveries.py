"""Deliveries by Google: Pub/Sub pushes, Cloud Tasks and Scheduler jobs, each with an OIDC token.

The functions that take them are behind IAM: Cloud Run lets only our invoker account call them, verifies its token, and
removes the signature before it passes the token on. So the claims are checked here, and not the signature; and nothing
is taken where strangers could call (docs/reference/google-cloud.md).
"""

import base64
import binascii
import logging
from typing import TYPE_CHECKING

from flask import Request
from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.datastructures import Headers

from shared.cloud.settings import function_url, settings
from shared.problems import Malformed, NotSignedIn, TryAgain

if TYPE_CHECKING:
    from jwt.types import Options

_ISSUERS = ("https://accounts.google.com", "accounts.google.com")
_SKEW_SECONDS = 10
_CHECKS: "Options" = {
    "verify_signature": False,
    "verify_aud": True,
    "verify_iss": True,
    "verify_exp": True,
    "verify_iat": True,
    "require": ["iss", "aud", "iat", "exp"],
}
_REFUSED_BY_CLOUD_RUN = (401, 403, 404)
"""The statuses that a stranger gets: without a token, with a wrong one, and from outside of the network."""
_PROBE_SECONDS = 5

log = logging.getLogger(__name__)
_private: set[str] = set()
"""The functions that are proven to be closed to strangers."""


def verify_caller(request: Request, function: str) -> None:
    """Verify that Google's delivery services call, as our invoker account.

    Raises NotSignedIn; and TryAgain where the function is not proven to be closed to strangers: the delivery comes
    again.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    claims = _claims(token, function_url(function)) if scheme.lower() == "bearer" else {}
    if claims.get("email") != settings().invoker or claims.get("email_verified") is not True:
        raise NotSignedIn("Only our own services may call this.")
    _require_private(function)


def _claims(token: str, audience: str) -> dict[str, object]:
    """The claims of a token that Cloud Run has verified.

    Raises NotSignedIn if they are for another audience, or not valid now.
    """
    import jwt  # public functions take no deliveries

    try:
        claims: dict[str, object] = jwt.decode(
            token,
            audience=audience,
            issuer=_ISSUERS,
            leeway=_SKEW_SECONDS,
            options=_CHECKS,
        )
    except jwt.PyJWTError as error:
        raise NotSignedIn("Only our own services may call this.") from error
    return claims


def _require_private(function: str) -> None:
    """Call the function as a stranger, once in the life of the process: Cloud Run must refuse. Raises TryAgain."""
    if function in _private:
        return
    url = f"{function_url(function)}/health/live"
    import requests  # few functions need it: it would take a twentieth of their start

    try:
        status: int | str = requests.get(url, timeout=_PROBE_SECONDS, allow_redirects=False).status_code
    except requests.RequestException as error:
        status = type(error).__name__
    if status not in _REFUSED_BY_CLOUD_RUN:
        log.critical("deliveries.not_private", extra={"called": function, "status": status})
        raise TryAgain("Strangers may be able to call this function, so it takes nothing.")
    _private.add(function)


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
