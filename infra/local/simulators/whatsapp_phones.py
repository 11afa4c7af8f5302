"""Phones of people with WhatsApp: a page to write on, and calls for tests that do the same.

GET  /whatsapp/                          the phones, and a form for another one
GET  /whatsapp/wa.me/{number}?text=      a link that opens a chat with us: on the newest phone, or a first one
GET  /whatsapp/phones/{id}?text=         a phone: its chat with us, and a text that it has not sent yet
POST /whatsapp/phones                    {name, phone?, username?}   a new phone
POST /whatsapp/phones/{id}/write         {text, deliver?}            the person writes
POST /whatsapp/phones/{id}/write         {texts}                     writes several messages, told in one webhook
POST /whatsapp/phones/{id}/tell          {statuses, code?}           statuses of our last message, in this order
POST /whatsapp/phones/{id}/choose        {id, title, kind?}          presses a button, or chooses a row of a list
POST /whatsapp/phones/{id}/send-picture  {caption?}                  sends a picture, as of a receipt
POST /whatsapp/phones/{id}/share-number  shares the number that we have asked for
POST /whatsapp/phones/{id}/prefer        {value}                     stops us in WhatsApp itself, or resumes
POST /whatsapp/phones/{id}/forget        the last message becomes older than a day
GET  /whatsapp/phones/{id}/messages.json every message, oldest first
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request
from sqlalchemy import Connection, Engine, Row, select
from werkzeug.wrappers import Response as AnyResponse

from infra.local.simulators import whatsapp, whatsapp_templates, whatsapp_webhooks
from infra.local.simulators.api import json_object
from infra.local.simulators.settings import SimulatorSettings
from infra.local.simulators.tables import chat_media, chat_messages, phones
from infra.local.simulators.webhooks import Mode, Plan
from shared.local_time import HOME_ZONE, time_of_day

_PHONE = re.compile(r"62\d{8,12}")
_FIRST_PHONE = "081200000001"
_MOST_SHOWN = 100
_PICTURE = {
    "mime_type": "image/jpeg",
    "sha256": "spgUz1eS5oTNddan/OemehGIfjEvh8oqwkltgfNl/3I=",
    "id": "300000000000001",
}


def phone_pages(settings: SimulatorSettings, engine: Engine) -> Blueprint:
    """The phones. Whoever opens the page may write on each."""
    pages = Blueprint("whatsapp_phones", __name__)
    _add_overview(pages, settings, engine)
    _add_link(pages, settings, engine)
    _add_phone(pages, settings, engine)
    _add_documents(pages, engine)
    _add_actions(pages, settings, engine)
    whatsapp_templates.add_controls(pages, settings, engine)
    return pages


def _add_overview(pages: Blueprint, settings: SimulatorSettings, engine: Engine) -> None:
    @pages.get("/", strict_slashes=False)
    def overview() -> str:
        with engine.connect() as tx:
            found = tx.execute(select(phones).order_by(phones.c.id.desc()).limit(_MOST_SHOWN)).all()
        return render_template("phones.html", phones=found, number=settings.whatsapp_number)

    @pages.post("/phones")
    def add() -> AnyResponse:
        with engine.begin() as tx:
            person = _add_person(tx, _wanted())
        return _answer(person.id, {"id": person.id, "user_id": person.user_id})


def _add_link(pages: Blueprint, settings: SimulatorSettings, engine: Engine) -> None:
    @pages.get("/wa.me/<number>")
    def link(number: str) -> AnyResponse:
        if number != settings.whatsapp_number:
            abort(404, "the number of no business here")
        with engine.begin() as tx:
            newest = tx.execute(select(phones).order_by(phones.c.id.desc()).limit(1)).first()
            person = newest or _add_person(tx, {"phone": _FIRST_PHONE})
        text = urlencode({"text": request.args.get("text", "")})
        return redirect(f"/simulators/whatsapp/phones/{person.id}?{text}", 303)


def _add_person(tx: Connection, wanted: dict[str, Any]) -> Row[Any]:
    """The person with this number, added unless known."""
    phone = re.sub(r"^0", "62", re.sub(r"\D", "", str(wanted.get("phone") or ""))) or None
    username = str(wanted.get("username") or "").strip()[:30] or None
    if (phone and not _PHONE.fullmatch(phone)) or not (phone or username):
        abort(400, "an Indonesian mobile number, as 0812 0000 0001, or a username")
    name = str(wanted.get("name") or "").strip()[:60] or "Budi Contoh"
    known = tx.execute(select(phones).where(phones.c.phone == phone)).first() if phone else None
    return known or whatsapp.add_person(tx, name=name, phone=phone, username=username)


def _add_phone(pages: Blueprint, settings: SimulatorSettings, engine: Engine) -> None:
    @pages.get("/phones/<int:phone_id>")
    def phone(phone_id: int) -> str:
        with engine.connect() as tx:
            person = _person(tx, phone_id)
        text = request.args.get("text", "")[:4096]
        return render_template("phone.html", person=person, business=settings.merchant_name, text=text)

    @pages.get("/phones/<int:phone_id>/chat")
    def chat(phone_id: int) -> str:
        with engine.connect() as tx:
            person = _person(tx, phone_id)
            rows = _messages(tx, phone_id)[-_MOST_SHOWN:]
            bubbles = [_bubble(row, _told_by_template(tx, settings, row.content)) for row in reversed(rows)]
        return render_template("phone_chat.html", person=person, bubbles=bubbles)


def _add_documents(pages: Blueprint, engine: Engine) -> None:
    @pages.get("/phones/<int:phone_id>/messages.json")
    def listing(phone_id: int) -> Response:
        with engine.connect() as tx:
            rows = _messages(tx, phone_id)
        return jsonify({"items": [_item(row) for row in rows]})

    @pages.get("/media/<int:media_id>")
    def medium(media_id: int) -> Response:
        with engine.connect() as tx:
            row = tx.execute(select(chat_media).where(chat_media.c.id == media_id)).first() or abort(404)
        return Response(row.content, mimetype=row.content_type)


def _add_actions(pages: Blueprint, settings: SimulatorSettings, engine: Engine) -> None:
    @pages.post("/phones/<int:phone_id>/<action>")
    def act(phone_id: int, action: str) -> AnyResponse:
        wanted = _wanted()
        with engine.begin() as tx:
            _act(tx, settings, _person(tx, phone_id), action, wanted)
        return _answer(phone_id, {"written": True}, frame=action in ("choose", "share-number"))


def _act(tx: Connection, settings: SimulatorSettings, person: Row[Any], action: str, wanted: dict[str, Any]) -> None:
    if action == "forget":
        _wrote(tx, person, datetime.now(UTC) - timedelta(hours=25))
    elif action == "prefer":
        value = "resume" if wanted.get("value") == "resume" else "stop"
        whatsapp_webhooks.send_preference_webhook(tx, settings, person, value)
    elif action == "share-number":
        _write(tx, settings, person, [_own_card(person)], _plan(wanted))
    elif action == "tell":
        _tell(tx, settings, person, wanted)
    else:
        _write(tx, settings, person, _contents(action, wanted) or abort(404), _plan(wanted))


def _write(
    tx: Connection, settings: SimulatorSettings, person: Row[Any], contents: Sequence[dict[str, Any]], plan: Plan
) -> None:
    """The person writes these messages, which one webhook tells."""
    _wrote(tx, person, datetime.now(UTC))
    messages = []
    for content in contents:
        message_id = whatsapp_webhooks.new_message_id(None if person.username else person.phone)
        row = {"phone_id": person.id, "message_id": message_id, "is_from_business": False, "status": "sent"}
        tx.execute(chat_messages.insert().values(**row, content=content))
        messages.append({"id": message_id, **content})
    whatsapp_webhooks.send_message_webhook(tx, settings, person, messages, plan)


def _tell(tx: Connection, settings: SimulatorSettings, person: Row[Any], wanted: dict[str, Any]) -> None:
    """Tell statuses of our last message to a person, whatever was told before."""
    ours = [row for row in _messages(tx, person.id) if row.is_from_business] or abort(404)
    for status in wanted.get("statuses") or ():
        whatsapp_webhooks.send_status_webhook(
            tx,
            settings,
            person,
            ours[-1].message_id,
            str(status),
            callback_data=ours[-1].content.get("biz_opaque_callback_data"),
            error=int(wanted.get("code") or 131000) if status == "failed" else None,
        )


def _wrote(tx: Connection, person: Row[Any], at: datetime) -> None:
    tx.execute(phones.update().where(phones.c.id == person.id).values(last_wrote_at=at))


def _contents(action: str, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of a person in the wire format; none for an action that there is not."""
    if action == "write":
        texts = wanted.get("texts") or [wanted.get("text") or ""]
        return [{"type": "text", "text": {"body": str(text)[:4096]}} for text in texts]
    if action == "choose":
        kind = "list_reply" if wanted.get("kind") == "list" else "button_reply"
        reply = {"id": str(wanted.get("id") or ""), "title": str(wanted.get("title") or "")}
        return [{"type": "interactive", "interactive": {"type": kind, kind: reply}}]
    if action == "send-picture":
        return [{"type": "image", "image": {**_PICTURE, "caption": str(wanted.get("caption") or "")}}]
    return []


def _own_card(person: Row[Any]) -> dict[str, Any]:
    """The message of the button that shares one's own number; made up for somebody with only a username."""
    number = person.phone or f"62811{person.id:08}"
    phones_ = [{"phone": f"+{number}", "wa_id": number, "type": "CELL"}]
    return {
        "type": "contacts",
        "contacts": [{"name": {"formatted_name": person.name}, "phones": phones_, "origin": "contact_request"}],
    }


def _wanted() -> dict[str, Any]:
    return request.form.to_dict() if request.form else json_object()


def _plan(wanted: dict[str, Any]) -> Plan:
    return Plan(Mode(wanted.get("deliver") or Mode.NOW))


def _answer(phone_id: int, document: dict[str, Any], *, frame: bool = False) -> AnyResponse:
    """The page for a browser, a document for a test."""
    if request.form:
        return redirect(f"/simulators/whatsapp/phones/{phone_id}{'/chat' if frame else ''}", 303)
    return jsonify(document)


def _person(tx: Connection, phone_id: int) -> Row[Any]:
    return tx.execute(select(phones).where(phones.c.id == phone_id)).first() or abort(404)


def _messages(tx: Connection, phone_id: int) -> list[Row[Any]]:
    query = select(chat_messages).where(chat_messages.c.phone_id == phone_id).order_by(chat_messages.c.id)
    return list(tx.execute(query).all())


def _item(row: Row[Any]) -> dict[str, Any]:
    return {
        "message_id": row.message_id,
        "is_from_business": row.is_from_business,
        "content": row.content,
        "status": row.status,
        "at": row.created_at.isoformat(),
    }


def _told_by_template(tx: Connection, settings: SimulatorSettings, content: dict[str, Any]) -> str | None:
    """The text of a message by template; None for any other."""
    if content["type"] != "template":
        return None
    inner = content["template"]
    found = whatsapp_templates.find(tx, settings, inner["name"], inner["language"]["code"])
    return whatsapp_templates.filled(found.document, inner) if found else f"[{inner['name']}]"


def _bubble(row: Row[Any], told_by_template: str | None) -> dict[str, Any]:
    """A message as the phone shows it."""
    content = row.content
    inner = content.get(content["type"], {})
    interactive = inner if content["type"] == "interactive" else {}
    action = interactive.get("action", {})
    return {
        "ours": row.is_from_business,
        "text": told_by_template or _text(content["type"], inner),
        "is_template": told_by_template is not None,
        "asks_for_number": interactive.get("type") == "request_contact_info",
        "picture": inner.get("id") if content["type"] == "image" and row.is_from_business else None,
        "document": inner if content["type"] == "document" else whatsapp_templates.document_of(inner),
        "buttons": [each["reply"] for each in action.get("buttons", [])],
        "rows": [each for section in action.get("sections", []) for each in section["rows"]],
        "list_label": action.get("button"),
        "link": action.get("parameters"),
        "time": time_of_day(row.created_at, HOME_ZONE),
        "failed": row.status == "failed",
    }


def _text(kind: str, inner: dict[str, Any]) -> str:
    if kind == "interactive":
        reply = inner.get("button_reply") or inner.get("list_reply")
        return str(reply["title"] if reply else inner.get("body", {}).get("text", ""))
    if kind == "contacts":
        return "[nomor saya]"
    return str(inner.get("body") or inner.get("caption") or ("[gambar]" if kind == "image" else ""))
