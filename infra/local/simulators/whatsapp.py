"""WhatsApp's Cloud API: takes messages and media in, checks their limits, and tells what became of them, signed.

Somebody whose last message is older than 24 hours is not reached without a template: the call is answered with 200, and
a failed status follows. A message to a user id in `to` is accepted and lost. Recipients are known once they have
written; others are made as they are named.
"""

import hmac
import io
import re
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, jsonify, request
from PIL import Image
from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, func, select

from infra.local.simulators import whatsapp_templates, whatsapp_webhooks
from infra.local.simulators.api import blueprint, json_object
from infra.local.simulators.settings import SimulatorSettings
from infra.local.simulators.tables import chat_media, chat_messages, phones
from infra.local.simulators.whatsapp_errors import refusal

GATEWAY = "whatsapp"

_WINDOW = timedelta(hours=24)
_URL_SECONDS = 300
_IMAGE_BYTES, _DOCUMENT_BYTES = 5 * 1024 * 1024, 100 * 1024 * 1024
_INVALID, _UNKNOWN_MEDIUM, _OUTSIDE_WINDOW, _MEDIUM_BAD = 100, 131009, 131047, 131053
_BURST, _ONE_EVERY = 45, timedelta(seconds=6)
"""Messages to one person: so many at once, borrowed from those that come later, one in six seconds."""
_THROUGHPUT, _PAIR_RATE = 130429, 131056
_USER_ID = re.compile(r"[A-Z]{2}\.[A-Za-z0-9.]+")


def cloud_api(settings: SimulatorSettings, engine: Engine) -> Blueprint:
    """The Graph API for one business number, whatever its version."""
    api = blueprint("whatsapp", GATEWAY, engine)
    api.before_request(lambda: _require_token(settings.whatsapp_access_token))
    _add_sending(api, settings, engine)
    whatsapp_templates.add_routes(api, settings, engine)
    _add_media(api, settings, engine)
    return api


def _require_token(token: str) -> None:
    presented = request.headers.get("Authorization", "")
    if not token or not hmac.compare_digest(presented.encode(), f"Bearer {token}".encode()):
        raise refusal(401, 190, "Error validating access token")


def _add_sending(api: Blueprint, settings: SimulatorSettings, engine: Engine) -> None:
    @api.post("/<_version>/<number_id>/messages")
    def send(_version: str, number_id: str) -> Response:
        _require_number(settings, number_id)
        message = json_object()
        with engine.begin() as tx:
            return jsonify(_take(tx, settings, message))


def _add_media(api: Blueprint, settings: SimulatorSettings, engine: Engine) -> None:
    @api.post("/<_version>/<number_id>/media")
    def upload(_version: str, number_id: str) -> Response:
        _require_number(settings, number_id)
        with engine.begin() as tx:
            return jsonify({"id": str(_keep_medium(tx))})

    @api.get("/<_version>/<int:media_id>")
    def address(_version: str, media_id: int) -> Response:
        with engine.connect() as tx:
            row = _medium(tx, media_id)
        return jsonify(_media_document(settings, row))

    @api.get("/attachments/<int:media_id>")
    def download(media_id: int) -> Response:
        if float(request.args.get("ext", 0)) < time.time() or not request.headers.get("User-Agent"):
            raise refusal(404, _INVALID, "expired")
        with engine.connect() as tx:
            row = _medium(tx, media_id)
        return Response(row.content, mimetype=row.content_type)


def _media_document(settings: SimulatorSettings, row: Row[Any]) -> dict[str, Any]:
    """A medium and its URL, which expires."""
    until = int(time.time()) + _URL_SECONDS
    return {
        "messaging_product": "whatsapp",
        "url": settings.page(f"/whatsapp/attachments/{row.id}?ext={until}"),
        "mime_type": row.content_type,
        "file_size": len(row.content),
        "id": str(row.id),
    }


def _require_number(settings: SimulatorSettings, number_id: str) -> None:
    if number_id != settings.whatsapp_phone_number_id:
        raise refusal(400, _INVALID, "unknown phone number id")


def _take(tx: Connection, settings: SimulatorSettings, message: Mapping[str, Any]) -> dict[str, Any]:
    """Take a message, and tell what becomes of it."""
    if message.get("messaging_product") != "whatsapp":
        raise refusal(400, _INVALID, "messaging_product")
    to, named = message.get("to"), message.get("recipient")
    if not to and not named:
        raise refusal(400, _INVALID, "recipient missing")
    _check(tx, settings, message)
    if to and _USER_ID.fullmatch(to):  # a user id in `to`: accepted, and lost
        lost = whatsapp_webhooks.new_message_id(None)
        return _answer({"input": to, "user_id": to}, lost)
    person = _person(tx, to.removeprefix("+") if to else None, named)
    check_rates(tx, person.id, settings.whatsapp_messages_a_second)
    message_id = whatsapp_webhooks.new_message_id(None if person.username else person.phone)
    error = _error_of(person, message)
    status = "failed" if error else "delivered"
    tx.execute(
        chat_messages.insert().values(
            phone_id=person.id, message_id=message_id, is_from_business=True, content=dict(message), status=status
        )
    )
    for told in ["failed"] if error else ["sent", "delivered"]:
        callback_data = message.get("biz_opaque_callback_data")
        whatsapp_webhooks.send_status_webhook(
            tx, settings, person, message_id, told, callback_data=callback_data, error=error
        )
    return _answer({"input": to, "wa_id": person.phone} if to else {"input": named, "user_id": named}, message_id)


def check_rates(tx: Connection, phone_id: int, messages_a_second: int) -> None:
    """Refuse what comes too fast: for the number, in and out together, or for one person."""
    second_before = datetime.now(UTC) - timedelta(seconds=1)
    if _count(tx, chat_messages.c.created_at > second_before) >= messages_a_second:
        raise refusal(400, _THROUGHPUT, "too many messages of this number")
    lately = chat_messages.c.created_at > datetime.now(UTC) - _BURST * _ONE_EVERY
    to_person = and_(chat_messages.c.phone_id == phone_id, chat_messages.c.is_from_business, lately)
    if _count(tx, to_person) >= _BURST:
        raise refusal(400, _PAIR_RATE, "too many messages to this person")


def _count(tx: Connection, condition: ColumnElement[bool]) -> int:
    return tx.execute(select(func.count()).select_from(chat_messages).where(condition)).scalar_one()


def _answer(contact: Mapping[str, Any], message_id: str) -> dict[str, Any]:
    return {"messaging_product": "whatsapp", "contacts": [dict(contact)], "messages": [{"id": message_id}]}


def _error_of(person: Row[Any], message: Mapping[str, Any]) -> int | None:
    """The code with which a message that was accepted fails afterwards."""
    is_late = person.last_wrote_at is None or person.last_wrote_at < datetime.now(UTC) - _WINDOW
    return _OUTSIDE_WINDOW if is_late and message.get("type") != "template" else None


def _person(tx: Connection, phone: str | None, user_id: str | None) -> Row[Any]:
    query = select(phones).where(phones.c.phone == phone if phone else phones.c.user_id == user_id)
    found = tx.execute(query).first()
    if found is not None:
        return found
    return add_person(tx, name="Tanpa nama", phone=phone, user_id=user_id)


def add_person(
    tx: Connection, *, name: str, phone: str | None, user_id: str | None = None, username: str | None = None
) -> Row[Any]:
    """A person with WhatsApp."""
    values = {
        "name": name,
        "phone": phone,
        "user_id": user_id or f"ID.{secrets.randbelow(10**16):016}",
        "username": username,
    }
    return tx.execute(phones.insert().values(**values).returning(phones)).one()


def _check(tx: Connection, settings: SimulatorSettings, message: Mapping[str, Any]) -> None:
    """Refuse what the Cloud API refuses."""
    _require(len(message.get("biz_opaque_callback_data", "")) <= 512, "biz_opaque_callback_data")
    kind = message.get("type")
    content = message.get(str(kind))
    if not isinstance(content, Mapping):
        raise refusal(400, _INVALID, f"{kind} missing")
    if kind == "text":
        _require(0 < len(content.get("body", "")) <= 4096, "text.body")
    elif kind == "interactive":
        _check_interactive(content)
    elif kind in ("image", "document"):
        _require(len(content.get("caption", "")) <= 1024, "caption")
        _require(kind == "image" or "." in content.get("filename", "."), "filename without an extension")
        _check_medium(tx, kind, content)
    elif kind == "template":
        whatsapp_templates.check(tx, settings, content)
    else:
        raise refusal(400, _INVALID, f"type {kind}")


def _check_interactive(content: Mapping[str, Any]) -> None:
    kind, action = content.get("type"), content.get("action", {})
    body = content.get("body", {}).get("text", "")
    _require(0 < len(body) <= (4096 if kind == "list" else 1024), "interactive.body")
    for part in ("header", "footer"):
        _require(len(content.get(part, {}).get("text", "")) <= 60, f"interactive.{part}")
    if kind == "button":
        shown = [each["reply"] for each in action.get("buttons", [])]
        _require(1 <= len(shown) <= 3, "buttons")
        _require(len({each["id"] for each in shown}) == len(shown), "button ids")
        _require(all(0 < len(each["title"]) <= 20 and len(each["id"]) <= 256 for each in shown), "button")
    elif kind == "list":
        sections = action.get("sections", [])
        rows = [row for section in sections for row in section["rows"]]
        _require(len(sections) <= 10 and all(len(each.get("title", "")) <= 24 for each in sections), "sections")
        _require(len({row["id"] for row in rows}) == len(rows), "row ids")
        _require(1 <= len(rows) <= 10 and 0 < len(action.get("button", "")) <= 20, "rows")
        _require(all(0 < len(row["title"]) <= 24 and len(row["id"]) <= 200 for row in rows), "row")
        _require(all(len(row.get("description", "")) <= 72 for row in rows), "row description")
    elif kind == "cta_url":
        label, url = (str(action.get("parameters", {}).get(name, "")) for name in ("display_text", "url"))
        _require(0 < len(label) <= 20 and url.startswith(("https://", "http://")), "cta_url")
    else:
        _require(kind == "request_contact_info", "interactive.type")


def _check_medium(tx: Connection, kind: str, content: Mapping[str, Any]) -> None:
    written = str(content.get("id", ""))
    _require(written.isdecimal(), "media id", _UNKNOWN_MEDIUM)
    row = _medium(tx, int(written))
    if kind == "image":
        _require(row.content_type in ("image/png", "image/jpeg"), "no picture", _MEDIUM_BAD)
        with Image.open(io.BytesIO(row.content)) as picture:
            _require(picture.mode in ("RGB", "RGBA"), "8 bits RGB or RGBA", _MEDIUM_BAD)


def _require(is_right: bool, details: str, code: int = _INVALID) -> None:
    if not is_right:
        raise refusal(400, code, details)


def _keep_medium(tx: Connection) -> int:
    file = request.files.get("file")
    if file is None or request.form.get("messaging_product") != "whatsapp":
        raise refusal(400, _INVALID, "file or messaging_product missing")
    content, content_type = file.read(), request.form.get("type", "")
    _require(len(content) <= (_IMAGE_BYTES if content_type.startswith("image/") else _DOCUMENT_BYTES), "too large")
    values = {"filename": file.filename or "", "content_type": content_type, "content": content}
    kept: int = tx.execute(chat_media.insert().values(**values).returning(chat_media.c.id)).scalar_one()
    return kept


def _medium(tx: Connection, media_id: int) -> Row[Any]:
    row = tx.execute(select(chat_media).where(chat_media.c.id == media_id)).first()
    if row is None:
        raise refusal(404, _INVALID, "no such medium")
    return row
