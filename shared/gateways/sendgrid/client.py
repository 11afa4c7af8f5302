"""SendGrid's mail API v3: one message to one reader.

There is no idempotency key: a call whose outcome is unknown is not repeated here, and whoever repeats
it may send the message twice. Record the attempt first.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import quote

from requests import PreparedRequest
from requests.auth import AuthBase

from shared.gateways.errors import (
    GatewayMisconfigured,
    GatewayRefused,
    GatewayUnavailable,
    PayloadUnreadable,
    refusal,
)
from shared.gateways.fields import header
from shared.gateways.http import HttpResponse, JsonApi, Timeouts, accept_anything

GATEWAY = "sendgrid"

SuppressionList = Literal["bounces", "spam_reports"]

_QUOTA_WORDS = ("credits exceeded", "quota", "limit exceeded", "sending limit")
_QUOTA_WAIT_SECONDS = 3600.0


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a message."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class Sender:
    """The sender of a message; SendGrid must have verified the address."""

    email: str
    name: str


@dataclass(frozen=True)
class Mail:
    """One message to one reader.

    `custom_args` come back with every delivery event as top-level keys: prefix them, and keep
    personal data out. `categories` are for SendGrid's statistics, at most ten.
    """

    to: str
    subject: str
    text: str
    html: str
    attachments: Sequence[Attachment] = ()
    custom_args: Mapping[str, str] = field(default_factory=dict)
    categories: Sequence[str] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    is_delivered: bool = True
    """False: SendGrid checks the message and delivers it to nobody (its sandbox mode)."""


class SendGrid:
    """One SendGrid account. Safe to share between threads."""

    def __init__(self, base_url: str, api_key: str, sender: Sender, *, timeouts: Timeouts | None = None) -> None:
        self._sender = sender
        self._api = JsonApi(GATEWAY, base_url, _Bearer(api_key), timeouts=timeouts)

    def send(self, mail: Mail) -> str | None:
        """Hand `mail` over and return its message id, which the delivery events begin with.

        One that is not to be delivered has no events, and no id.

        Accepted is not delivered. Raises GatewayUnavailable (try again later, also where the day's
        quota is used up), GatewayRefused (this message never goes out), GatewayMisconfigured.
        """
        body = send_request(mail, self._sender)
        reads = _accepts if mail.is_delivered else accept_anything
        response = self._api.call("POST", "/v3/mail/send", body=body, repeatable=False, reads=reads)
        if not response.ok:
            raise read_refusal(response)
        if not mail.is_delivered:
            return None
        message_id = header(response.headers, "X-Message-Id")
        if not message_id:
            raise PayloadUnreadable(GATEWAY, "accepted without X-Message-Id")
        return message_id

    def remove_suppression(self, address: str, list_name: SuppressionList) -> None:
        """Take an address off a list of those that SendGrid drops mails to; one that isn't on it is no error.

        Raises GatewayUnavailable, GatewayRefused, GatewayMisconfigured.
        """
        response = self._api.call("DELETE", f"/v3/suppression/{list_name}/{quote(address)}", repeatable=True)
        if not response.ok and response.status != HTTPStatus.NOT_FOUND:
            raise read_refusal(response)


def send_request(mail: Mail, sender: Sender) -> dict[str, Any]:
    """The body of `POST /v3/mail/send`. Opens are told (NS-008), clicks are not: a ticket's link must stay itself."""
    request: dict[str, Any] = {
        "personalizations": [{"to": [{"email": mail.to}], "custom_args": dict(mail.custom_args)}],
        "from": {"email": sender.email, "name": sender.name},
        "subject": mail.subject,
        "content": [
            {"type": "text/plain", "value": mail.text},
            {"type": "text/html", "value": mail.html},
        ],
        "categories": list(mail.categories),
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": True},
        },
    }
    optional = {
        "attachments": [_attachment(each) for each in mail.attachments],
        "headers": dict(mail.headers),
        "mail_settings": {} if mail.is_delivered else {"sandbox_mode": {"enable": True}},
    }
    return request | {name: value for name, value in optional.items() if value}


def read_refusal(response: HttpResponse) -> GatewayUnavailable | GatewayRefused | GatewayMisconfigured:
    """Read a 4xx. SendGrid reports a used-up quota as 401 or 403 too; only the message differs."""
    errors = response.body.get("errors") if isinstance(response.body, Mapping) else None
    messages = [str(error.get("message") or "") for error in errors or [] if isinstance(error, Mapping)]
    fields = [str(error.get("field") or "") for error in errors or [] if isinstance(error, Mapping)]
    message = "; ".join(messages)
    if any(words in message.lower() for words in _QUOTA_WORDS):
        return GatewayUnavailable(
            GATEWAY, "quota used up", retry_after_seconds=_QUOTA_WAIT_SECONDS, outcome_unknown=False
        )
    code = next((name for name in fields if name not in ("", "null", "None")), str(response.status))
    return refusal(GATEWAY, status=response.status, code=code, message=message)


def _accepts(response: HttpResponse) -> None:
    """Acceptance is 202 without a body, or at least names the message: a page that says 200 is no acceptance."""
    is_named = header(response.headers, "X-Message-Id") is not None
    if not is_named and (response.status != 202 or response.body is not None):
        raise PayloadUnreadable(GATEWAY, "no acceptance")


def _attachment(attachment: Attachment) -> dict[str, str]:
    return {
        "content": base64.b64encode(attachment.content).decode(),
        "filename": attachment.filename,
        "type": attachment.content_type,
        "disposition": "attachment",
    }


class _Bearer(AuthBase):
    def __init__(self, api_key: str) -> None:
        self._api_key = api_key

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._api_key}"
        return request
