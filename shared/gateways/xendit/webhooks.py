"""Webhooks of Xendit: where their token is verified, and what they report; no network."""

import hmac
from collections.abc import Callable, Mapping
from typing import Any

from shared.gateways.errors import PayloadUnreadable, SignatureInvalid
from shared.gateways.fields import Fields, header, parse_object, short_id, unreadable_event
from shared.gateways.statuses import (
    GatewayPaymentStatus,
    GatewayRefundStatus,
    GatewayTransferStatus,
    WebhookEvent,
    WebhookEventKind,
)
from shared.gateways.xendit.responses import GATEWAY, read_disbursement, read_invoice, read_payout, read_refund

DASHBOARD_TEST_ID = "593f4ed1c3d3bb7f39733d83"
"""The invoice id in the sample that the dashboard's "Test and save" button sends."""

_Status = GatewayPaymentStatus | GatewayRefundStatus | GatewayTransferStatus

_READERS: Mapping[WebhookEventKind, Callable[[object], _Status]] = {
    WebhookEventKind.PAYMENT: read_invoice,
    WebhookEventKind.REFUND: read_refund,
    WebhookEventKind.PAYOUT: read_payout,
    WebhookEventKind.DISBURSEMENT: read_disbursement,
}


def read_webhook(headers: Mapping[str, str], body: bytes, callback_token: str) -> WebhookEvent:
    """Check where a webhook comes from and say what it is about.

    The proof is a fixed token in `x-callback-token`. An empty configured token refuses everything,
    since anybody could send it. A webhook with the token is never refused: parts that can't be read are left out.
    Raises SignatureInvalid.
    """
    presented = header(headers, "x-callback-token") or ""
    if not callback_token or not hmac.compare_digest(presented.encode(), callback_token.encode()):
        raise SignatureInvalid(GATEWAY, "callback token wrong" if presented else "callback token missing")
    try:
        payload = parse_object(GATEWAY, body)
    except PayloadUnreadable:
        return unreadable_event(GATEWAY, body)
    kind = _kind(payload.body)
    return _webhook_event(kind, _read_status(kind, payload.body), payload, header(headers, "webhook-id"))


def _read_status(kind: WebhookEventKind, payload: Mapping[str, Any]) -> _Status | None:
    try:
        return _READERS[kind](_subject(payload)) if kind in _READERS else None
    except PayloadUnreadable:  # it still says what to ask about
        return None


def _kind(payload: Mapping[str, Any]) -> WebhookEventKind:
    """Envelopes have an event name; invoices and disbursements come bare and differ by their fields."""
    event = str(payload.get("event") or "")
    if event.startswith("payout."):
        return WebhookEventKind.PAYOUT
    if event.startswith("refund."):
        return WebhookEventKind.REFUND
    if event:
        return WebhookEventKind.UNKNOWN
    if "disbursement_description" in payload:
        return WebhookEventKind.DISBURSEMENT
    if "external_id" in payload and "status" in payload:
        return WebhookEventKind.PAYMENT
    return WebhookEventKind.UNKNOWN


def _subject(payload: Mapping[str, Any]) -> object:
    """The subject of the webhook. Xendit's own example of a refund webhook wraps `data` twice."""
    if "event" not in payload:
        return payload
    data = payload.get("data")
    return data["data"] if isinstance(data, Mapping) and "data" in data else data


def _webhook_event(
    kind: WebhookEventKind,
    reported: _Status | None,
    payload: Fields,
    webhook_id: str | None,
) -> WebhookEvent:
    status = (
        reported.raw_status if reported else str(payload.body.get("event") or payload.body.get("status") or "")[:100]
    )
    reference = reported.gateway_reference if reported else payload.lenient_text("id")
    return WebhookEvent(
        gateway=GATEWAY,
        kind=kind,
        event_id=short_id(webhook_id or f"{kind}:{reference}:{status}"),
        external_id=_external_id(reported) if reported else payload.lenient_text("external_id"),
        gateway_reference=reference,
        raw_status=status,
        is_test=reference == DASHBOARD_TEST_ID,
        reported=reported,
        payload=payload.body,
    )


def _external_id(reported: _Status) -> str:
    return reported.external_id if isinstance(reported, GatewayPaymentStatus) else reported.reference
