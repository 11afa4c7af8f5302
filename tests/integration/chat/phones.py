"""People who write to us by WhatsApp: their webhooks come in by the real endpoint, and what we answer is recorded."""

import hashlib
import hmac
import itertools
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from functions.chat import main as chat
from functions.issue_ticket import main as issue_ticket
from functions.manifest import manifest
from shared.chat import work
from shared.chat.consent_question import BUTTON
from shared.cloud import clock, permissions
from shared.cloud.database import transaction
from shared.gateways.whatsapp.messages import Recipient
from tests.conftest import SECRETS
from tests.doubles import Published
from tests.endpoints import call

NUMBER_ID = "208000000000001"
_numbers = itertools.count(1)


@dataclass
class Sent:
    """A message of ours as WhatsApp took it."""

    recipient: Recipient
    content: Mapping[str, Any]
    callback_data: str

    @property
    def kind(self) -> str:
        """Its type; of an interactive one its own."""
        kind = str(self.content["type"])
        return str(self.content["interactive"]["type"]) if kind == "interactive" else kind

    @property
    def text(self) -> str:
        """The text of the message."""
        inner = self.content[self.content["type"]]
        if self.kind == "template":
            return str(inner["name"])
        return str(inner.get("caption") or (inner["body"]["text"] if "interactive" in self.content else inner["body"]))

    @property
    def choices(self) -> dict[str, str]:
        """The title of each button or row, and its id."""
        action = self.content.get("interactive", {}).get("action", {})
        rows = [row for section in action.get("sections", []) for row in section["rows"]]
        shown = rows + [each["reply"] for each in action.get("buttons", [])]
        return {each["title"]: each["id"] for each in shown}

    @property
    def asks_about_notices(self) -> bool:
        """True of the question whether somebody wants notices."""
        return any(each.startswith(f"{BUTTON}:") for each in self.choices.values())


@dataclass
class FakeWhatsApp:
    """Takes what is sent, as shared.gateways.whatsapp.client.WhatsApp does."""

    sent: list[Sent] = field(default_factory=list)
    media: dict[str, bytes] = field(default_factory=dict)
    fails: list[Exception] = field(default_factory=list)
    """Raised by the next calls, one each."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, recipient: Recipient, message: Mapping[str, Any], *, callback_data: str) -> str:
        with self._lock:
            if self.fails:
                raise self.fails.pop(0)
            self.sent.append(Sent(recipient, message, callback_data))
            tries = sum(each.callback_data == callback_data for each in self.sent)
            return f"wamid.{callback_data}" + (f".{tries}" if tries > 1 else "")

    def upload(self, filename: str, content: bytes, content_type: str) -> str:
        with self._lock:
            media_id = str(len(self.media) + 1)
            self.media[media_id] = content
            return media_id


@dataclass
class Phone:
    """A person with a phone. Without a `number` only their user id is told."""

    whatsapp: FakeWhatsApp
    published: Published
    number: str | None
    user_id: str
    name: str = "Budi Contoh"

    def writes(self, text: str, **how: Any) -> list[Sent]:
        """Write, and wait for the answers."""
        return self.sends({"type": "text", "text": {"body": text}}, **how)

    def chooses(self, choice: str, kind: str = "button_reply") -> list[Sent]:
        """Press a button, or choose a row, by its id."""
        reply = {"type": kind, kind: {"id": choice, "title": "…"}}
        return self.sends({"type": "interactive", "interactive": reply})

    def sends(self, content: Mapping[str, Any], *, message_id: str | None = None) -> list[Sent]:
        """Send any message, and wait for the answers to it."""
        before = len(self.heard)
        deliver([self.value(content, message_id=message_id)])
        drain(self.published)
        return self.heard[before:]

    def value(self, content: Mapping[str, Any], *, message_id: str | None = None) -> dict[str, Any]:
        """The webhook of a message, in the wire format."""
        names = {"from_user_id": self.user_id} | ({"from": self.number} if self.number else {})
        contact = {"profile": {"name": self.name}, "user_id": self.user_id}
        message = {
            **names,
            "id": message_id or f"wamid.{next(_numbers):08}",
            "timestamp": str(int(clock.now().timestamp())),
            **content,
        }
        return {"contacts": [contact | ({"wa_id": self.number} if self.number else {})], "messages": [message]}

    @property
    def heard(self) -> list[Sent]:
        """Every message of ours to this person, without questions about notices."""
        return [each for each in self._told if not each.asks_about_notices]

    @property
    def questions(self) -> list[Sent]:
        """The questions whether they want notices."""
        return [each for each in self._told if each.asks_about_notices]

    @property
    def _told(self) -> list[Sent]:
        mine = Recipient(self.number, self.user_id)
        return [each for each in self.whatsapp.sent if each.recipient == mine]


def deliver(values: Sequence[Mapping[str, Any]], field_name: str = "messages") -> int:
    """Deliver one signed webhook with these changes; the status of the answer."""
    metadata = {"display_phone_number": "628110000001", "phone_number_id": NUMBER_ID}
    changes = [{"value": {"metadata": metadata, **value}, "field": field_name} for value in values]
    document = {"object": "whatsapp_business_account", "entry": [{"id": "198", "changes": changes}]}
    return deliver_raw(json.dumps(document).encode())


def deliver_raw(body: bytes, *, secret: str = SECRETS["whatsapp-app-secret"]) -> int:
    """Deliver a body, signed with this secret; the status of the answer."""
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": signature, "Content-Type": "application/json"}
    return call("POST", "/chat/webhook/whatsapp", data=body, headers=headers).status_code


def drain(published: Published, attempt: int = 1) -> None:
    """Do what the published messages ask for, and what follows, until nothing more is published."""
    while published.messages:
        topic, payload = published.messages.pop(0)
        if topic == "payment.success":
            issue_ticket.issue_paid(issue_ticket.PaidOrder(**payload), 1)
        elif topic in ("ticket.created", "order.ended"):
            _hand(topic, payload)
        elif topic == "chat.notice":
            decide_on(UUID(payload["notice_id"]))
        elif topic == "chat.waiting":
            work_on(UUID(payload["sender_id"]), attempt)


def work_on(sender_id: UUID, attempt: int = 1) -> None:
    """Work on a conversation with no more rights than the function has."""
    with permissions.run_as(manifest().functions["chat"].permissions):
        work.work(sender_id, attempt)


def decide_on(notice_id: UUID) -> None:
    """Decide on a notice with no more rights than the function has."""
    with permissions.run_as(manifest().functions["chat"].permissions), transaction() as tx:
        chat.decide_on_notice(chat.NoticeWaiting(notice_id=notice_id), tx)


def _hand(topic: str, payload: Mapping[str, Any]) -> None:
    handler = chat.hand_over if topic == "ticket.created" else chat.notify_expiry
    with transaction() as tx:
        handler(chat.OrderChanged(**payload), tx)
