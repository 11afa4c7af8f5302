"""SendGrid: takes mails in and keeps them for the inbox; tells what became of them, signed.

With a `mail_events_url` every mail is reported processed and delivered. An address that begins with "bounce"
does not exist, one with "blocked" refuses this mail only, and the reader of one with "spam" reports it.
Addresses that bounced or reported spam are on a list, as at SendGrid: further mails to them are reported dropped
until they are taken off it. More events are sent on demand. The answer to a wrong `custom_args` is as seen live.
"""

import base64
import binascii
import hmac
import json
import secrets
import time
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Blueprint, Response, jsonify, request
from sqlalchemy import Connection, Engine, Row, select
from sqlalchemy.dialects.postgresql import insert

from infra.local.cloud.store import open_store
from infra.local.simulators import webhooks
from infra.local.simulators.api import ApiError, blueprint, json_object
from infra.local.simulators.settings import SimulatorSettings
from infra.local.simulators.tables import attachments, mails, signing_keys, suppressions
from infra.local.simulators.webhooks import Webhook

GATEWAY = "sendgrid"
POLICY = "sendgrid-webhook"

EVENTS = frozenset(
    {"processed", "delivered", "open", "click", "bounce", "blocked", "dropped", "deferred", "spamreport"}
)

_TELLING = {
    "bounce": {"type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 The email account does not exist"},
    "blocked": {"event": "bounce", "type": "blocked", "status": "4.7.1", "reason": "451 4.7.1 Try again later"},
    "dropped": {"reason": "Bounced Address"},
    "dropped_as_spam": {"event": "dropped", "reason": "Spam Reporting Address"},
    "deferred": {"response": "400 try again later", "attempt": "5"},
    "delivered": {"response": "250 OK"},
    "open": {"ip": "127.0.0.1", "useragent": "Simulator"},
    "click": {"ip": "127.0.0.1", "useragent": "Simulator", "url": "https://example.com/"},
}
_BY_ADDRESS = {
    "bounce": ["processed", "bounce"],
    "blocked": ["processed", "blocked"],
    "spam": ["processed", "delivered", "spamreport"],
}
"""The fate of a mail by the beginning of its address."""
_ARRIVES = ["processed", "delivered"]
_LISTED_AFTER = {"bounce": "bounces", "spamreport": "spam_reports"}
_LISTED_BEFORE = {"bounces": "dropped", "spam_reports": "dropped_as_spam"}
_KEY_NAME = "sendgrid-events"


def mail_api(settings: SimulatorSettings, engine: Engine) -> Blueprint:
    """`POST /v3/mail/send`, and the key its events are verified with."""
    api = blueprint("sendgrid", GATEWAY, engine)

    @api.before_request
    def require_key() -> None:
        presented = request.headers.get("Authorization", "")
        expected = f"Bearer {settings.sendgrid_api_key}"
        if not settings.sendgrid_api_key or not hmac.compare_digest(presented.encode(), expected.encode()):
            raise _refusal(401, "The provided authorization grant is invalid, expired, or revoked")

    @api.post("/v3/mail/send")
    def send() -> tuple[Response, int]:
        message = json_object()
        _check(message)
        if message.get("mail_settings", {}).get("sandbox_mode", {}).get("enable"):
            return Response(status=200), 200  # checked, and delivered to nobody
        message_id = secrets.token_urlsafe(16)
        with engine.begin() as tx:
            kept = [_keep(tx, message_id, message, recipient, args) for recipient, args in _recipients(message)]
            for row in kept:
                send_events(tx, settings, row, _fate(tx, row.recipient))
        response = Response(status=202)
        response.headers["X-Message-Id"] = message_id
        return response, 202

    @api.get("/v3/user/webhooks/event/settings/signed")
    def signing_key() -> Response:
        with engine.begin() as tx:
            return jsonify({"public_key": public_key(tx)})

    @api.delete("/v3/suppression/<any(bounces, spam_reports):list_name>/<recipient>")
    def take_off(list_name: str, recipient: str) -> tuple[Response, int]:
        columns = suppressions.c
        with engine.begin() as tx:
            gone = tx.execute(
                suppressions.delete().where(columns.list_name == list_name, columns.recipient == recipient)
            ).rowcount
        if not gone:
            raise _refusal(404, "resource not found")
        return Response(status=204), 204

    return api


def send_events(tx: Connection, settings: SimulatorSettings, mail: Row[Any], kinds: Sequence[str]) -> None:
    """Say what became of a mail, in one batch, and put its address on the list where that follows."""
    lists = [_LISTED_AFTER[kind] for kind in kinds if kind in _LISTED_AFTER]
    for name in lists:
        listing = insert(suppressions).values(list_name=name, recipient=mail.recipient)
        tx.execute(listing.on_conflict_do_nothing())
    if settings.mail_events_url:
        webhooks.send(tx, _webhook(tx, settings, [_event(mail, kind) for kind in kinds]))


def _fate(tx: Connection, recipient: str) -> list[str]:
    query = select(suppressions.c.list_name).where(suppressions.c.recipient == recipient)
    listed = tx.execute(query.order_by(suppressions.c.list_name)).scalars().first()
    if listed:
        return [_LISTED_BEFORE[listed]]
    return next((kinds for prefix, kinds in _BY_ADDRESS.items() if recipient.startswith(prefix)), _ARRIVES)


def _event(mail: Row[Any], kind: str) -> dict[str, Any]:
    return {
        "email": mail.recipient,
        "timestamp": int(time.time()),
        "event": kind,
        "sg_event_id": secrets.token_urlsafe(16),
        "sg_message_id": f"{mail.message_id}.recvd-simulator-1.0",
        "smtp-id": f"<{mail.message_id}@simulator>",
        "category": mail.categories,
        **_TELLING.get(kind, {}),
        **mail.custom_args,
    }


def _webhook(tx: Connection, settings: SimulatorSettings, events: Sequence[dict[str, Any]]) -> Webhook:
    """A signed batch of events. The line ends belong to what is signed."""
    body = ("[" + ",\r\n".join(json.dumps(event) for event in events) + "]\r\n").encode()
    timestamp = str(int(time.time()))
    signature = _private_key(tx).sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return Webhook(
        url=settings.mail_events_url,
        headers={
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
        },
        body=body,
        policy=POLICY,
        time_scale=webhooks.time_scale(POLICY, settings.first_retry_seconds),
        timeout_seconds=10.0,
    )


def published_key(store_url: str) -> str:
    """The key that SendGrid shows where signing is switched on."""
    engine = open_store(store_url, pool_size=1)
    try:
        with engine.begin() as tx:
            return public_key(tx)
    finally:
        engine.dispose()


def public_key(tx: Connection) -> str:
    """The public half of the key events are signed with, as SendGrid shows it; made at first use."""
    der = (
        _private_key(tx)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return base64.b64encode(der).decode()


def _private_key(tx: Connection) -> ec.EllipticCurvePrivateKey:
    query = select(signing_keys.c.private_key).where(signing_keys.c.name == _KEY_NAME)
    kept = tx.execute(query).scalar_one_or_none()
    if kept is None:
        made = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        tx.execute(insert(signing_keys).values(name=_KEY_NAME, private_key=made).on_conflict_do_nothing())
        kept = tx.execute(query).scalar_one()
    key = serialization.load_der_private_key(kept, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the kept signing key is no elliptic-curve key")
    return key


def _refusal(status: int, message: str, field: str | None = None) -> ApiError:
    return ApiError(status, {"errors": [{"message": message, "field": field, "help": None}]})


def _check(message: dict[str, Any]) -> None:
    if not isinstance(message.get("custom_args", {}), dict):
        raise _refusal(400, "Invalid type. Expected: object, given: string.", "custom_args")
    if not (message.get("from") or {}).get("email"):
        raise _refusal(400, "The from object must be provided for every email send.", "from")
    if not _recipients(message):
        raise _refusal(400, "The personalizations field is required and must have at least one.", "personalizations")
    if not message.get("subject"):
        raise _refusal(400, "The subject is required.", "subject")
    if not message.get("content"):
        raise _refusal(400, "Unless a valid template_id is provided, the content parameter is required.", "content")
    for attachment in message.get("attachments") or []:
        try:
            base64.b64decode(attachment["content"], validate=True)
        except (KeyError, binascii.Error):
            raise _refusal(400, "The attachment content must be base64 encoded.", "attachments.0.content") from None


def _recipients(message: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
    """Each address with its arguments; those of its personalization win."""
    shared = message.get("custom_args") or {}
    return [
        (person["email"], {**shared, **(each.get("custom_args") or {})})
        for each in message.get("personalizations") or []
        for person in each.get("to") or []
    ]


def _keep(tx: Connection, message_id: str, message: dict[str, Any], recipient: str, args: dict[str, str]) -> Row[Any]:
    contents = {each["type"]: each["value"] for each in message["content"]}
    values = {
        "message_id": message_id,
        "recipient": recipient,
        "sender": message["from"]["email"],
        "subject": message["subject"],
        "text": contents.get("text/plain", ""),
        "html": contents.get("text/html", ""),
        "template": _template(message, args),
        "custom_args": args,
        "categories": message.get("categories") or [],
    }
    row = tx.execute(mails.insert().values(**values).returning(mails)).one()
    for position, attachment in enumerate(message.get("attachments") or []):
        tx.execute(
            attachments.insert().values(
                mail_id=row.id,
                position=position,
                filename=attachment["filename"],
                content_type=attachment.get("type") or "application/octet-stream",
                content=base64.b64decode(attachment["content"]),
                inline=attachment.get("disposition") == "inline",
            )
        )
    return row


def _template(message: dict[str, Any], args: dict[str, str]) -> str | None:
    """The template that made the mail: an argument called so (prefixed or not), else its first category."""
    named = next((value for name, value in args.items() if name.endswith("template")), None)
    return named or next(iter(message.get("categories") or []), None)
