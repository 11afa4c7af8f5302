"""Webhooks of Midtrans: where their signature is verified, and what they report; no network."""

import hashlib
import hmac

from shared.gateways.errors import PayloadUnreadable, SignatureInvalid
from shared.gateways.fields import Fields, parse_json, parse_object, short_id
from shared.gateways.midtrans.responses import GATEWAY, read_transaction
from shared.gateways.statuses import GatewayPaymentStatus, WebhookEvent, WebhookEventKind

DASHBOARD_TEST_PREFIX = "payment_notif_test_"
"""The prefix of order ids of the dashboard's test button; the status of such an order is 404."""


def read_webhook(body: bytes, server_key: str) -> WebhookEvent:
    """Check where a notification comes from and say what it is about.

    The signature covers neither transaction_status nor fraud_status, so a captured notification can
    be replayed with another status: ask `Midtrans.payment_status` before money changes hands. An empty server
    key refuses everything. A signed notification is never refused: parts that can't be read are left out. Raises
    SignatureInvalid, and PayloadUnreadable for what can't even be signed.
    """
    notification = parse_object(GATEWAY, body)
    if not server_key or not _signed(body, server_key):
        is_signed = bool(notification.body.get("signature_key"))
        raise SignatureInvalid(GATEWAY, "signature wrong" if is_signed else "signature missing")
    order_id = notification.text("order_id")
    reported = _read_status(notification)
    return WebhookEvent(
        gateway=GATEWAY,
        kind=WebhookEventKind.PAYMENT,
        event_id=short_id(_event_id(notification, order_id)),
        external_id=order_id,
        gateway_reference=order_id,
        raw_status=(notification.lenient_text("transaction_status") or "").lower(),
        is_test=order_id.startswith(DASHBOARD_TEST_PREFIX),
        reported=reported,
        payload=notification.body,
    )


def signature(order_id: str, status_code: str, gross_amount: str, server_key: str) -> str:
    """Midtrans's signature over the three texts exactly as they stand in the notification."""
    return hashlib.sha512(f"{order_id}{status_code}{gross_amount}{server_key}".encode()).hexdigest()


def _signed(body: bytes, server_key: str) -> bool:
    # Numbers stay the text they were: 10000 and "10000.00" are different signatures.
    fields = Fields(GATEWAY, parse_json(GATEWAY, body, number=str))
    expected = signature(fields.text("order_id"), fields.text("status_code"), fields.text("gross_amount"), server_key)
    presented = fields.optional_text("signature_key") or ""
    return hmac.compare_digest(presented.encode(), expected.encode())


def _read_status(notification: Fields) -> GatewayPaymentStatus | None:
    try:
        return read_transaction(notification.body)
    except PayloadUnreadable:  # it still says what to ask about
        return None


def _event_id(notification: Fields, order_id: str) -> str:
    parts = (
        notification.lenient_text("transaction_id") or order_id,
        (notification.lenient_text("transaction_status") or "").lower(),
        (notification.lenient_text("fraud_status") or "").lower(),
        notification.lenient_text("refund_amount") or "",
    )
    return ":".join(parts)
