"""WhatsApp's Cloud API: one message to one recipient, and the media that go with messages.

There is no idempotency key: a call whose outcome is unknown is not repeated here. Its `callback_data` comes back with
every status of the message, which tells whether it was taken.
"""

from collections.abc import Mapping
from typing import Any

from requests import PreparedRequest
from requests.auth import AuthBase

from shared.gateways.errors import PayloadUnreadable
from shared.gateways.fields import Fields
from shared.gateways.http import HttpResponse, JsonApi, Timeouts, read_by
from shared.gateways.whatsapp import errors
from shared.gateways.whatsapp.errors import GATEWAY
from shared.gateways.whatsapp.messages import Recipient


class WhatsApp:
    """One business number. Safe to share between threads."""

    def __init__(
        self, base_url: str, version: str, phone_number_id: str, token: str, *, timeouts: Timeouts | None = None
    ) -> None:
        self._number = f"/{version}/{phone_number_id}"
        self._api = JsonApi(GATEWAY, base_url, _Bearer(token), timeouts=timeouts, status_of=errors.effective_status)

    def send(self, recipient: Recipient, message: Mapping[str, Any], *, callback_data: str) -> str:
        """Hand a message over and return WhatsApp's id of it. Accepted is not delivered: statuses follow.

        Raises GatewayUnavailable, of which RecipientRateLimited, GatewayRefused and GatewayMisconfigured.
        """
        body = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            **recipient.fields(),
            **message,
            "biz_opaque_callback_data": callback_data,
        }
        response = self._api.call(
            "POST", f"{self._number}/messages", body=body, repeatable=False, reads=read_by(_message_id)
        )
        return _message_id(_accepted(response).body)

    def upload(self, filename: str, content: bytes, content_type: str) -> str:
        """Upload a file and return its media id, which lives for 30 days. Raises as `send`.

        Uploaded twice it only lies there twice.
        """
        response = self._api.call(
            "POST",
            f"{self._number}/media",
            body={"messaging_product": "whatsapp", "type": content_type},
            file=(filename, content, content_type),
            repeatable=True,
            reads=read_by(_media_id),
        )
        return _media_id(_accepted(response).body)


def _accepted(response: HttpResponse) -> HttpResponse:
    if not response.ok:
        raise errors.refusal(response)
    return response


def _message_id(body: Any) -> str:
    messages = Fields(GATEWAY, body).objects("messages")
    if not messages:
        raise PayloadUnreadable(GATEWAY, "no message id")
    return messages[0].text("id")


def _media_id(body: Any) -> str:
    return Fields(GATEWAY, body).text("id")


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request
