"""The bodies of `POST /{phone_number_id}/messages`, within the limits of the Cloud API (docs/reference/whatsapp.md).

What is too long for its field is cut here: a message with a short end reaches its reader, one that is refused does not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TEXT_LENGTH = 4096
INTERACTIVE_LENGTH = 1024
CAPTION_LENGTH = 1024
MAX_BUTTONS = 3
MAX_ROWS = 10
"""Rows of a list in all its sections together."""
ROW_TITLE_LENGTH = 24
ROW_DESCRIPTION_LENGTH = 72
_BUTTON_LENGTH = 20
_REPLY_ID_LENGTH = 200


@dataclass(frozen=True)
class Recipient:
    """The recipient of a message: a phone number (digits with country code), or else the id of a user without one.

    A user id in `to` would be accepted and lost, so it has a field of its own.
    """

    phone: str | None
    user_id: str | None

    def fields(self) -> dict[str, str]:
        """The fields of the request that name the recipient. Raises LookupError where there is none."""
        if self.phone:
            return {"to": f"+{self.phone}"}
        if self.user_id:
            return {"recipient": self.user_id}
        raise LookupError("a message needs a recipient")


@dataclass(frozen=True)
class Choice:
    """A button, or a row of a list; `id` comes back when it is chosen."""

    id: str
    title: str
    description: str = ""


def text(body: str) -> dict[str, Any]:
    """A plain text."""
    return {"type": "text", "text": {"preview_url": False, "body": cut(body, TEXT_LENGTH)}}


def buttons(body: str, choices: Sequence[Choice]) -> dict[str, Any]:
    """A text with at most three buttons."""
    shown = [
        {"type": "reply", "reply": {"id": each.id[:_REPLY_ID_LENGTH], "title": cut(each.title, _BUTTON_LENGTH)}}
        for each in choices[:MAX_BUTTONS]
    ]
    return _interactive("button", cut(body, INTERACTIVE_LENGTH), {"buttons": shown})


def choice_list(body: str, button: str, choices: Sequence[Choice]) -> dict[str, Any]:
    """A text with a list of at most ten rows behind a button."""
    rows = [_row(each) for each in choices[:MAX_ROWS]]
    action = {
        "button": cut(button, _BUTTON_LENGTH),
        "sections": [{"title": cut(button, ROW_TITLE_LENGTH), "rows": rows}],
    }
    return _interactive("list", cut(body, TEXT_LENGTH), action)


def link(body: str, label: str, url: str) -> dict[str, Any]:
    """A text with a button that opens a page."""
    action = {"name": "cta_url", "parameters": {"display_text": cut(label, _BUTTON_LENGTH), "url": url}}
    return _interactive("cta_url", cut(body, INTERACTIVE_LENGTH), action)


def number_request(body: str) -> dict[str, Any]:
    """A text with a button by which its reader shares their own phone number."""
    return _interactive("request_contact_info", cut(body, INTERACTIVE_LENGTH), {"name": "request_contact_info"})


def image(media_id: str, caption: str) -> dict[str, Any]:
    """An uploaded picture."""
    return {"type": "image", "image": {"id": media_id, "caption": cut(caption, CAPTION_LENGTH)}}


def document(media_id: str, filename: str, caption: str) -> dict[str, Any]:
    """An uploaded file."""
    return {
        "type": "document",
        "document": {"id": media_id, "filename": filename, "caption": cut(caption, CAPTION_LENGTH)},
    }


@dataclass(frozen=True)
class Document:
    """An uploaded file."""

    media_id: str
    filename: str


def template(name: str, language: str, parameters: Mapping[str, str], header: Document | None = None) -> dict[str, Any]:
    """An approved template with named parameters in its body, and a file above it, for outside of the 24 hours."""
    named = [{"type": "text", "parameter_name": key, "text": value} for key, value in parameters.items()]
    components: list[dict[str, Any]] = [{"type": "body", "parameters": named}] if named else []
    if header:
        document = {"id": header.media_id, "filename": header.filename}
        components.insert(0, {"type": "header", "parameters": [{"type": "document", "document": document}]})
    return {"type": "template", "template": {"name": name, "language": {"code": language}, "components": components}}


def cut(words: str, length: int) -> str:
    """A text of at most `length` characters, with an ellipsis where some were cut off."""
    return words if len(words) <= length else words[: length - 1] + "…"


def _row(choice: Choice) -> dict[str, str]:
    row = {"id": choice.id[:_REPLY_ID_LENGTH], "title": cut(choice.title, ROW_TITLE_LENGTH)}
    if choice.description:
        row["description"] = cut(choice.description, ROW_DESCRIPTION_LENGTH)
    return row


def _interactive(kind: str, body: str, action: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "interactive", "interactive": {"type": kind, "body": {"text": body}, "action": dict(action)}}
