"""What Google delivers: Pub/Sub pushes, Cloud Tasks and Scheduler jobs, each with an OIDC token that is verified.

Cloud Run has checked the token already where a function is internal. It is checked here again because
some functions are public too, and because the same code must hold on a laptop.
"""

import base64
import binascii
import threading
import time
from collections.abc import Mapping

from flask import Request
from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.datastructures import Headers

from shared.cloud.settings import function_url, settings
from shared.problems import Malformed, NotSignedIn

CERTIFICATES_KEPT_SECONDS = 3600

_certificates: dict[str, tuple[float, Mapping[str, str]]] = {}
_fetching = threading.Lock()


def verify_caller(request: Request, function: str) -> None:
    """Admit Google's delivery services only, calling as our invoker account. Raises NotSignedIn."""
    from google.auth import jwt
    from google.auth.exceptions import GoogleAuthError

    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotSignedIn("Only our own services may call this.")
    try:
        claims = jwt.decode(  # type: ignore[no-untyped-call]
            token, certs=_google_certificates(), audience=function_url(function), clock_skew_in_seconds=10
        )
    except (GoogleAuthError, ValueError) as error:
        raise NotSignedIn("Only our own services may call this.") from error
    if (
        claims.get("iss") not in {"https://accounts.google.com", "accounts.google.com"}
        or claims.get("email") != settings().invoker
        or claims.get("email_verified") is not True
    ):
        raise NotSignedIn("Only our own services may call this.")


def _google_certificates() -> Mapping[str, str]:
    url = settings().oidc_certs_url
    with _fetching:
        kept = _certificates.get(url)
        if kept and kept[0] > time.monotonic():
            return kept[1]
        import requests

        answer = requests.get(url, timeout=5)
        answer.raise_for_status()
        certificates: Mapping[str, str] = answer.json()
        _certificates[url] = (time.monotonic() + CERTIFICATES_KEPT_SECONDS, certificates)
        return certificates


class _PubsubMessage(BaseModel):
    model_config = ConfigDict(extra="ignore")
    data: str = ""
    attributes: dict[str, str] = {}


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="ignore")
    message: _PubsubMessage
    deliveryAttempt: int = 1  # noqa: N815 - the wire's own name


class Delivery(BaseModel):
    """A message taken out of its envelope."""

    payload: bytes
    attributes: dict[str, str]
    attempt: int


def pushed(body: bytes) -> Delivery:
    """A Pub/Sub push out of its JSON wrapper. Raises Malformed: such a message ends in the dead-letter topic."""
    try:
        envelope = _Envelope.model_validate_json(body)
        payload = base64.b64decode(envelope.message.data, validate=True)
    except (ValidationError, binascii.Error) as error:
        raise Malformed("This is not a Pub/Sub push.") from error
    return Delivery(payload=payload, attributes=envelope.message.attributes, attempt=envelope.deliveryAttempt)


def task_attempt(headers: Headers) -> int:
    """Which try of a Cloud Task this is, from 1."""
    count = headers.get("X-CloudTasks-TaskRetryCount", "0")
    return int(count) + 1 if str(count).isdigit() else 1
