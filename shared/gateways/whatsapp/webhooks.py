"""WhatsApp's webhooks: the verification challenge, the signature over the raw body, and the updates in it.

A body holds up to a thousand updates, repeated and in any order. What is not known, not readable or meant for another
number is left out: a body that is refused comes again for days as it is.
"""

import hashlib
import hmac
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from shared.gateways.errors import PayloadUnreadable, SignatureInvalid
from shared.gateways.fields import Fields, header, parse_object
from shared.gateways.whatsapp.errors import GATEWAY
from shared.states import ChatMessageStatus

SIGNATURE_HEADER = "X-Hub-Signature-256"
MAX_BYTES = 3 * 1024 * 1024
"""The largest body that WhatsApp sends."""

_MAX_TEXT = 4096
_MAX_NAME, _MAX_LANGUAGE = 512, 20  # of a template
_USER_ID = re.compile(r"[A-Z]{2}(?:\.[A-Za-z0-9]{1,16})?\.[A-Za-z0-9]{1,128}")
_PHONE = re.compile(r"[1-9][0-9]{6,14}")

log = logging.getLogger(__name__)

MessageKind = Literal["text", "choice", "image", "cart", "contact", "unsupported", "ignored"]
_STATUSES: Final[Mapping[str, ChatMessageStatus]] = {
    "sent": ChatMessageStatus.SENT,
    "delivered": ChatMessageStatus.DELIVERED,
    "read": ChatMessageStatus.READ,
    "failed": ChatMessageStatus.FAILED,
}


@dataclass(frozen=True)
class SenderIdentity:
    """The author of a message: the user id (of this user and our portfolio), the phone number in digits, or both."""

    user_id: str | None
    phone: str | None


@dataclass(frozen=True)
class Message:
    """A message of a person. `text` is what they typed or the caption; `choice` the id of a button or row.

    A `cart` names its first item by `choice` and `quantity`. A `contact` that the person has shared as their own, on
    our request, has its number in `own_phone`. Those of kind `ignored` ask for no answer.
    """

    message_id: str
    sender: SenderIdentity
    sent_at: datetime
    kind: MessageKind
    text: str = ""
    choice: str = ""
    quantity: int = 1
    profile_name: str = ""
    own_phone: str | None = None


@dataclass(frozen=True)
class DeliveryStatus:
    """The delivery status of a message of ours. `callback_data` is our own id of it."""

    message_id: str
    callback_data: str | None
    status: ChatMessageStatus
    at: datetime
    error_code: int | None


@dataclass(frozen=True)
class IdentityChange:
    """A person has a new phone number, a new user id, or both."""

    previous: SenderIdentity
    current: SenderIdentity
    at: datetime


@dataclass(frozen=True)
class Preference:
    """A person wants marketing messages or not."""

    sender: SenderIdentity
    wants_messages: bool
    at: datetime


@dataclass(frozen=True)
class AccountNotice:
    """Something about our account, number or templates; `is_bad` where a person has to look."""

    field: str
    event: str
    is_bad: bool


@dataclass(frozen=True)
class TemplateStatus:
    """The review status of one of our templates, in WhatsApp's words: APPROVED, PAUSED, DISABLED and others."""

    name: str
    language: str
    status: str
    reason: str | None
    at: datetime


Update = Message | DeliveryStatus | IdentityChange | Preference | AccountNotice | TemplateStatus


def challenge_answer(mode: str, token: str, challenge: str, verify_token: str) -> str:
    """The answer to the request that proves this address ours. Raises SignatureInvalid."""
    is_right = hmac.compare_digest(token.encode(), verify_token.encode())
    if mode != "subscribe" or not verify_token or not is_right:
        raise SignatureInvalid(GATEWAY, "verify token wrong")
    return challenge


def read_updates(headers: Mapping[str, str], body: bytes, app_secret: str, *, phone_number_id: str) -> list[Update]:
    """Check who sent a body, and read the updates in it that are for our number.

    Raises SignatureInvalid, and PayloadUnreadable where it is no JSON object.
    """
    verify(headers, body, app_secret)
    return list(_updates(parse_object(GATEWAY, body), phone_number_id))


def verify(headers: Mapping[str, str], body: bytes, app_secret: str) -> None:
    """Raise SignatureInvalid unless exactly these bytes were signed with our app's secret."""
    presented = header(headers, SIGNATURE_HEADER) or ""
    expected = "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()
    if not app_secret or not hmac.compare_digest(presented.encode(), expected.encode()):
        raise SignatureInvalid(GATEWAY, "signature wrong or missing")


def _updates(document: Fields, phone_number_id: str) -> Iterator[Update]:
    for entry in _objects(document, "entry"):
        for change in _objects(entry, "changes"):
            value = change.body.get("value")
            if isinstance(value, Mapping):
                yield from _of_change(change.lenient_text("field") or "", Fields(GATEWAY, value), phone_number_id)
                if change.lenient_text("field") == "message_template_status_update":
                    yield from _template_status(Fields(GATEWAY, value), entry)


def _of_change(field: str, value: Fields, phone_number_id: str) -> Iterator[Update]:
    if field not in _READERS:
        notice = _notice(field, value)
        if notice:
            yield notice
        return
    metadata = value.body.get("metadata")
    named = metadata.get("phone_number_id") if isinstance(metadata, Mapping) else None
    if named != phone_number_id:
        log.info("whatsapp.other_number")
        return
    for name, read in _READERS[field].items():
        for each in _objects(value, name):
            try:
                found = read(each, value)
            except PayloadUnreadable as error:
                log.warning("whatsapp.unreadable", extra={"reason": error.reason})
                continue
            if found:
                yield found
    for reported in _objects(value, "errors"):
        yield AccountNotice("errors", reported.lenient_text("code") or "unknown", is_bad=True)


def _message(message: Fields, value: Fields) -> Message | IdentityChange | None:
    if message.lenient_text("type") == "system":
        return _system_message(message)
    sender = SenderIdentity(_user_id(message, "from_user_id"), _phone(message, "from"))
    if sender == SenderIdentity(None, None):
        raise PayloadUnreadable(GATEWAY, "message without a sender")
    return Message(
        message_id=message.text("id"),
        sender=sender,
        sent_at=_moment(message),
        profile_name=_profile_name(value, sender),
        **_content(message),
    )


def _content(message: Fields) -> dict[str, Any]:
    """The fields of a Message that depend on its type."""
    kind = message.lenient_text("type") or ""
    inner = message.body.get(kind)
    content = Fields(GATEWAY, inner if isinstance(inner, Mapping) else {})
    if kind == "text":
        return {"kind": "text", "text": _long_text(content, "body")}
    if kind == "image":
        return {"kind": "image", "text": _long_text(content, "caption")}
    if kind == "interactive":
        return _reply(content)
    if kind == "button":
        return {"kind": "choice", "choice": _long_text(content, "payload"), "text": _long_text(content, "text")}
    if kind == "order":
        return _cart(content)
    if kind == "contacts":
        return {"kind": "contact", "own_phone": _own_phone(message)}
    return {"kind": "ignored" if kind in ("reaction", "edit", "revoke") else "unsupported"}


def _reply(content: Fields) -> dict[str, Any]:
    """The chosen button or row. It may come empty, with errors beside it."""
    kind = content.lenient_text("type") or ""
    reply = content.body.get(kind) if kind in ("button_reply", "list_reply") else None
    if not isinstance(reply, Mapping):
        return {"kind": "unsupported"}
    fields = Fields(GATEWAY, reply)
    return {"kind": "choice", "choice": _long_text(fields, "id"), "text": _long_text(fields, "title")}


def _cart(content: Fields) -> dict[str, Any]:
    items = _objects(content, "product_items")
    if len(items) != 1:
        return {"kind": "unsupported"}
    quantity = items[0].body.get("quantity")
    is_number = isinstance(quantity, int) and not isinstance(quantity, bool)
    return {
        "kind": "cart",
        "choice": _long_text(items[0], "product_retailer_id"),
        "quantity": quantity if is_number else 1,
    }


def _own_phone(message: Fields) -> str | None:
    """The number that a person has shared on our request. Anybody's card may come without one."""
    for contact in _objects(message, "contacts"):
        if contact.lenient_text("origin") == "contact_request":
            for phone in _objects(contact, "phones"):
                return _phone(phone, "wa_id")
    return None


def _system_message(message: Fields) -> IdentityChange | None:
    inner = message.body.get("system")
    system = Fields(GATEWAY, inner if isinstance(inner, Mapping) else {})
    if system.lenient_text("type") not in ("user_changed_number", "user_changed_user_id"):
        return None
    current = SenderIdentity(_user_id(system, "user_id"), _phone(system, "wa_id"))
    previous = SenderIdentity(_user_id(message, "from_user_id"), _phone(message, "from"))
    return IdentityChange(previous, current, _moment(message))


def _identity_update(update: Fields, _: Fields) -> IdentityChange:
    inner = update.body.get("user_id")
    ids = Fields(GATEWAY, inner if isinstance(inner, Mapping) else {})
    return IdentityChange(
        SenderIdentity(_user_id(ids, "previous"), None),
        SenderIdentity(_user_id(ids, "current"), _phone(update, "wa_id")),
        _moment(update),
    )


def _status(status: Fields, _: Fields) -> DeliveryStatus | None:
    told = _STATUSES.get(status.text("status"))
    if told is None:
        return None
    codes = [error.body.get("code") for error in _objects(status, "errors")]
    return DeliveryStatus(
        message_id=status.text("id"),
        callback_data=status.lenient_text("biz_opaque_callback_data"),
        status=told,
        at=_moment(status),
        error_code=next((code for code in codes if isinstance(code, int)), None),
    )


def _preference(preference: Fields, _: Fields) -> Preference | None:
    wish = preference.lenient_text("value")
    if wish not in ("stop", "resume"):
        return None
    sender = SenderIdentity(_user_id(preference, "user_id"), _phone(preference, "wa_id"))
    return Preference(sender, wants_messages=wish == "resume", at=_moment(preference))


_BAD_EVENTS = frozenset(
    {"REJECTED", "PAUSED", "DISABLED", "FLAGGED", "DOWNGRADE", "DISABLED_UPDATE", "ACCOUNT_DELETED"}
)
_BAD_VALUES = {
    "alert_severity": frozenset({"WARNING", "CRITICAL"}),
    "new_quality_score": frozenset({"RED"}),
    "new_category": frozenset({"MARKETING"}),
}
"""Fields without an event, and what is bad in them: a template that counts as marketing costs more."""
_NOTICES = ("account_", "message_template_", "template_", "phone_number_", "business_", "security")


def _notice(field: str, value: Fields) -> AccountNotice | None:
    if not field.startswith(_NOTICES):
        return None
    event = value.lenient_text("event") or _bad_value(value) or field
    is_bad = event in _BAD_EVENTS or "RESTRICTION" in event or "VIOLATION" in event or _bad_value(value) is not None
    return AccountNotice(field, event[:100], is_bad)


def _bad_value(value: Fields) -> str | None:
    """The value of a notice, or of the alert in it, that a person has to look at."""
    alert = value.body.get("alert_info")
    for fields in (value, Fields(GATEWAY, alert if isinstance(alert, Mapping) else {})):
        for name, bad in _BAD_VALUES.items():
            told = fields.lenient_text(name)
            if told in bad:
                return told
    return None


def _template_status(value: Fields, entry: Fields) -> Iterator[TemplateStatus]:
    name, language = value.lenient_text("message_template_name"), value.lenient_text("message_template_language")
    status = value.lenient_text("event")
    if name and language and status and len(name) <= _MAX_NAME and len(language) <= _MAX_LANGUAGE:
        reason = value.lenient_text("reason")
        yield TemplateStatus(name, language, status[:_MAX_LANGUAGE], reason and reason[:_MAX_NAME], _entry_time(entry))


def _entry_time(entry: Fields) -> datetime:
    """The moment of an entry, which tells its order; now where it does not say so."""
    try:
        return datetime.fromtimestamp(int(entry.lenient_text("time") or ""), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.now(UTC)


_READERS: dict[str, dict[str, Any]] = {
    "messages": {"messages": _message, "statuses": _status},
    "user_preferences": {"user_preferences": _preference},
    "user_id_update": {"user_id_update": _identity_update},
}


def _objects(fields: Fields, name: str) -> list[Fields]:
    """The objects in a list; whatever else is there is left out."""
    values = fields.body.get(name)
    return [Fields(GATEWAY, each) for each in values if isinstance(each, Mapping)] if isinstance(values, list) else []


def _profile_name(value: Fields, sender: SenderIdentity) -> str:
    """The name that the sender shows. Contacts come in an order of their own."""
    for contact in _objects(value, "contacts"):
        same_user = sender.user_id is not None and contact.body.get("user_id") == sender.user_id
        same_phone = sender.phone is not None and contact.body.get("wa_id") == sender.phone
        profile = contact.body.get("profile")
        if (same_user or same_phone) and isinstance(profile, Mapping):
            return Fields(GATEWAY, profile).lenient_text("name") or ""
    return ""


def _user_id(fields: Fields, name: str) -> str | None:
    written = fields.lenient_text(name)
    return written if written and _USER_ID.fullmatch(written) else None


def _phone(fields: Fields, name: str) -> str | None:
    written = (fields.lenient_text(name) or "").removeprefix("+")
    return written if _PHONE.fullmatch(written) else None


def _long_text(fields: Fields, name: str) -> str:
    value = fields.body.get(name)
    return value[:_MAX_TEXT] if isinstance(value, str) else ""


def _moment(fields: Fields) -> datetime:
    try:
        return datetime.fromtimestamp(int(fields.text("timestamp")), UTC)
    except (ValueError, OverflowError, OSError):
        raise PayloadUnreadable(GATEWAY, "field timestamp is malformed") from None
