"""Templates at WhatsApp's simulator: submitted, reviewed, paused; and what a message with one must hold.

POST /whatsapp/{version}/{account}/message_templates    submit one, as Meta's API takes it; it is reviewed at once
GET  /whatsapp/{version}/{account}/message_templates    those that there are
POST /whatsapp/templates/{name}/{language}/review       {event, reason?}: APPROVED, REJECTED, PAUSED, DISABLED

Those of the settings were approved before.
"""

import re
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request
from sqlalchemy import Connection, Engine, Row, and_, select

from infra.local.simulators import whatsapp_webhooks
from infra.local.simulators.api import ApiError, json_object
from infra.local.simulators.settings import SimulatorSettings
from infra.local.simulators.tables import chat_templates
from infra.local.simulators.whatsapp_errors import refusal

BODY_LENGTH = 1024
_COUNT_WRONG, _UNKNOWN, _TOO_LONG, _FORMAT_WRONG, _PAUSED, _DISABLED = 132000, 132001, 132005, 132012, 132015, 132016
_OFF = {"PAUSED": _PAUSED, "DISABLED": _DISABLED}
_EVENTS = ("APPROVED", "REJECTED", "PAUSED", "DISABLED")
_PARAMETER = re.compile(r"\{\{([a-z_]+)\}\}")


def add_routes(api: Blueprint, settings: SimulatorSettings, engine: Engine) -> None:
    """Add the calls by which templates are submitted and listed."""

    @api.post("/<_version>/<_account>/message_templates")
    def submit(_version: str, _account: str) -> Response:
        document = json_object()
        with engine.begin() as tx:
            status = "REJECTED" if fault_of(document) else "APPROVED"
            row = _keep(tx, document, status)
            whatsapp_webhooks.send_template_webhook(tx, settings, row, reason=fault_of(document))
        return jsonify({"id": str(row.id), "status": "PENDING", "category": "UTILITY"})

    @api.get("/<_version>/<_account>/message_templates")
    def listing(_version: str, _account: str) -> Response:
        with engine.connect() as tx:
            rows = tx.execute(select(chat_templates).order_by(chat_templates.c.id)).all()
        return jsonify({"data": [{**row.document, "id": str(row.id), "status": row.status} for row in rows]})


def add_controls(pages: Blueprint, settings: SimulatorSettings, engine: Engine) -> None:
    """Add the call by which a test or a person plays the reviewer."""

    @pages.post("/templates/<name>/<language>/review")
    def review(name: str, language: str) -> Response:
        wanted = request.form.to_dict() if request.form else json_object()
        event = str(wanted.get("event") or "")
        if event not in _EVENTS:
            abort(400, f"event: one of {', '.join(_EVENTS)}")
        with engine.begin() as tx:
            row = find(tx, settings, name, language) or abort(404)
            row = _keep(tx, row.document, event)
            whatsapp_webhooks.send_template_webhook(tx, settings, row, reason=wanted.get("reason"))
        return jsonify({"status": event})


def fault_of(document: Mapping[str, Any]) -> str | None:
    """The reason why a reviewer rejects a template; None where they do not."""
    components = document.get("components") or []
    bodies = [str(each.get("text", "")) for each in components if str(each.get("type", "")).lower() == "body"]
    is_named = re.fullmatch(r"[a-z0-9_]{1,512}", str(document.get("name", "")))
    if not is_named or document.get("language") not in ("id", "en") or len(bodies) != 1:
        return "INVALID_FORMAT"
    [body] = bodies
    at_end = body.startswith("{{") or body.endswith("}}") or re.search(r"\}\}\s*\{\{", body)
    return "INVALID_FORMAT" if at_end or not 0 < len(body) <= BODY_LENGTH else None


def find(tx: Connection, settings: SimulatorSettings, name: str, language: str) -> Row[Any] | None:
    """A template, submitted or of the settings."""
    query = select(chat_templates).where(chat_templates.c.name == name, chat_templates.c.language == language)
    found = tx.execute(query).first()
    if found is not None:
        return found
    given = (each for each in settings.whatsapp_templates if (each["name"], each["language"]) == (name, language))
    document = next(given, None)
    return _keep(tx, document, "APPROVED") if document else None


def check(tx: Connection, settings: SimulatorSettings, content: Mapping[str, Any]) -> None:
    """Refuse a message whose template is not there or not approved, or whose parameters are not those of it."""
    name, language = str(content.get("name")), str((content.get("language") or {}).get("code"))
    template = find(tx, settings, name, language)
    if template is None or template.status not in ("APPROVED", *_OFF):
        raise refusal(404, _UNKNOWN, f"template {name} does not exist in {language}")
    if template.status in _OFF:
        raise refusal(400, _OFF[template.status], f"template {name} is {template.status.lower()}")
    given = values_of(content)
    body = body_of(template.document)
    if sorted(given) != sorted(set(_PARAMETER.findall(body))):
        raise refusal(400, _COUNT_WRONG, "number of parameters")
    if any(not value or re.search(r"[\n\t]| {5}", value) for value in given.values()):
        raise refusal(400, _FORMAT_WRONG, "a parameter is empty, or holds a line break")
    if len(filled(template.document, content)) > BODY_LENGTH:
        raise refusal(400, _TOO_LONG, "the text is too long")
    if _wants_document(template.document) != bool(document_of(content)):
        raise refusal(400, _FORMAT_WRONG, "header")


def values_of(content: Mapping[str, Any]) -> dict[str, str]:
    """The named parameters of a message's body."""
    return {
        str(each.get("parameter_name")): str(each.get("text", ""))
        for component in content.get("components") or []
        if component.get("type") == "body"
        for each in component.get("parameters") or []
    }


def document_of(content: Mapping[str, Any]) -> dict[str, Any] | None:
    """The file above the text."""
    for component in content.get("components") or []:
        if component.get("type") == "header":
            return dict(component["parameters"][0].get("document") or {})
    return None


def body_of(document: Mapping[str, Any]) -> str:
    """The text of a template, with its parameters."""
    return next(str(each["text"]) for each in document["components"] if str(each["type"]).lower() == "body")


def filled(document: Mapping[str, Any], content: Mapping[str, Any]) -> str:
    """The text that its reader sees."""
    given = values_of(content)
    return _PARAMETER.sub(lambda found: given.get(found[1], ""), body_of(document))


def _wants_document(document: Mapping[str, Any]) -> bool:
    return any(str(each["type"]).lower() == "header" for each in document["components"])


def _keep(tx: Connection, document: Mapping[str, Any], status: str) -> Row[Any]:
    values = {"name": document.get("name"), "language": document.get("language")}
    if not all(isinstance(value, str) for value in values.values()):
        raise ApiError(400, {"error": {"code": 100, "message": "name, language"}})
    changed = {"document": dict(document), "status": status}
    same = and_(chat_templates.c.name == values["name"], chat_templates.c.language == values["language"])
    kept = tx.execute(chat_templates.update().where(same).values(**changed).returning(chat_templates)).first()
    return kept or tx.execute(chat_templates.insert().values(**values, **changed).returning(chat_templates)).one()
