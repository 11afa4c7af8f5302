"""The webhooks of the simulated WhatsApp, in the real wire format, escaped and signed as Meta does it."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row

from infra.local.simulators import webhooks
from infra.local.simulators.settings import SimulatorSettings
from infra.local.simulators.webhooks import Plan, Webhook

POLICY = "whatsapp-webhook"
_ACCOUNT_ID = "198000000000001"


def new_message_id(phone: str | None) -> str:
    """An id as WhatsApp makes them: base64, with the user's number inside if it is known."""
    number = (phone or "0" * 13).encode()
    content = b"\x1d\x08\x18\x0d" + number + b"\x15\x02\x00\x12\x18\x14" + secrets.token_hex(10).upper().encode()
    return "wamid." + base64.b64encode(content).decode()


def send_message_webhook(
    tx: Connection,
    settings: SimulatorSettings,
    person: Row[Any],
    messages: Sequence[Mapping[str, Any]],
    plan: Plan | None = None,
) -> None:
    """Tell us in one webhook of messages that a person wrote; by `plan` late, twice or never."""
    told = [{**_sender(person), "timestamp": str(int(time.time())), **message} for message in messages]
    _send(tx, settings, {"contacts": [_contact(person)], "messages": told}, plan)


def send_status_webhook(
    tx: Connection,
    settings: SimulatorSettings,
    person: Row[Any],
    message_id: str,
    status: str,
    *,
    callback_data: str | None,
    error: int | None = None,
) -> None:
    """Tell us what became of a message of ours."""
    told: dict[str, Any] = {"id": message_id, "status": status, "timestamp": str(int(time.time()))}
    told |= {"recipient_user_id": person.user_id} | ({} if person.username else {"recipient_id": person.phone})
    if callback_data:
        told["biz_opaque_callback_data"] = callback_data
    if error:
        told["errors"] = [
            {"code": error, "title": "Failed", "message": "Failed", "error_data": {"details": "simulated"}}
        ]
    elif status == "sent":
        told["pricing"] = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "service"}
    contacts = [] if error else [_contact(person)]
    _send(tx, settings, {"contacts": contacts, "statuses": [told]} if contacts else {"statuses": [told]}, None)


def send_preference_webhook(tx: Connection, settings: SimulatorSettings, person: Row[Any], value: str) -> None:
    """Tell us that a person has stopped us in WhatsApp itself, or wants to hear of us again: `stop`, `resume`."""
    wish = {"user_id": person.user_id} | ({} if person.username else {"wa_id": person.phone})
    wish |= {"category": "marketing_messages", "value": value, "detail": "by the person"}
    preference = {**wish, "timestamp": int(time.time())}
    told = {"contacts": [_contact(person)], "user_preferences": [preference]}
    _send(tx, settings, told, None, field="user_preferences")


def send_template_webhook(tx: Connection, settings: SimulatorSettings, template: Row[Any], reason: str | None) -> None:
    """Tell us what became of a template."""
    told = {
        "event": template.status,
        "message_template_id": template.id,
        "message_template_name": template.name,
        "message_template_language": template.language,
        "reason": reason or "NONE",
    }
    _send(tx, settings, told, None, field="message_template_status_update")


def body_of(settings: SimulatorSettings, values: Sequence[Mapping[str, Any]], *, field: str = "messages") -> bytes:
    """A body with these changes, with the escapes that Meta writes."""
    metadata = {
        "display_phone_number": settings.whatsapp_number,
        "phone_number_id": settings.whatsapp_phone_number_id,
    }
    changes = [
        {"value": {"messaging_product": "whatsapp", "metadata": metadata, **value}, "field": field} for value in values
    ]
    entry = {"id": _ACCOUNT_ID, "time": int(time.time()), "changes": changes}
    document = {"object": "whatsapp_business_account", "entry": [entry]}
    return json.dumps(document, separators=(",", ":")).replace("/", "\\/").encode()


def signed(settings: SimulatorSettings, body: bytes) -> Webhook:
    """The webhook with this body."""
    signature = hmac.new(settings.whatsapp_app_secret.encode(), body, hashlib.sha256).hexdigest()
    return Webhook(
        url=settings.whatsapp_webhook_url,
        headers={"X-Hub-Signature-256": f"sha256={signature}", "User-Agent": "facebookexternalua"},
        body=body,
        policy=POLICY,
        time_scale=webhooks.time_scale(POLICY, settings.first_retry_seconds),
        timeout_seconds=10.0,
    )


def _send(
    tx: Connection,
    settings: SimulatorSettings,
    value: Mapping[str, Any],
    plan: Plan | None,
    *,
    field: str = "messages",
) -> None:
    if settings.whatsapp_webhook_url:
        webhooks.deliver(tx, signed(settings, body_of(settings, [value], field=field)), plan or Plan())


def _sender(person: Row[Any]) -> dict[str, str]:
    return {"from_user_id": person.user_id} | ({} if person.username else {"from": person.phone})


def _contact(person: Row[Any]) -> dict[str, Any]:
    if person.username:
        return {"profile": {"name": person.name, "username": person.username}, "user_id": person.user_id}
    return {"profile": {"name": person.name}, "wa_id": person.phone, "user_id": person.user_id}
