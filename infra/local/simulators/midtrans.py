"""Midtrans: Snap pages, Core charges and actions, and the notifications about them.

As published: HTTP 200 with the real code in the body, 404 for a page whose visitor has not chosen a
method and no notification when such a page ends, 407 for a successful expire, amounts with ".00".
Guessed: the HTTP codes of Snap's cancel. Ours: every charge offers `deeplink-redirect` like GoPay's, so that a
browser finds the page with the buttons; `pending` is notified only when asked for out of order.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from flask import Blueprint, Response, jsonify, request
from sqlalchemy import Connection, Engine, Row

from infra.local.simulators import midtrans_documents as documents
from infra.local.simulators import midtrans_requests as requests
from infra.local.simulators import payments, qris, webhooks
from infra.local.simulators.api import blueprint, has_basic_user, json_object
from infra.local.simulators.midtrans_documents import CHANNELS
from infra.local.simulators.payments import Payment, SimulatedStatus
from infra.local.simulators.settings import SimulatorSettings
from infra.local.simulators.webhooks import Webhook

GATEWAY = "midtrans"
POLICY = "midtrans-webhook"

UNCHOSEN = frozenset({SimulatedStatus.OPEN, SimulatedStatus.CLOSED})
"""Nobody has chosen a method, so Core does not know the order."""

_KEY_REMEMBERED = timedelta(minutes=5)


class Midtrans:
    """One simulated Midtrans account: what its payers and their banks do, told from `controls`."""

    name = GATEWAY
    channels: tuple[str, ...] = tuple(CHANNELS)
    biller_codes: Mapping[str, str] = {"MANDIRI": documents.BILLER_CODE}
    actions = frozenset({"choose", "pay", "fail", "expire", "refund", "challenge", "reverse", "charge_back"})

    def __init__(self, settings: SimulatorSettings) -> None:
        self._settings = settings

    def webhook(self, tx: Connection, payment: Payment) -> Webhook | None:
        """The notification about the present state; there is none before a method is chosen."""
        if payment.status in UNCHOSEN:
            return None
        refunds = payments.refunds_of(tx, payment)
        body = documents.notification(payment, refunds, self._settings.midtrans_server_key)
        return Webhook(
            url=self._settings.webhook(GATEWAY),
            headers={"User-Agent": "Veritrans"},
            body=json.dumps(body).encode(),
            policy=POLICY,
            time_scale=webhooks.time_scale(POLICY, self._settings.first_retry_seconds),
            timeout_seconds=15.0,
        )

    def overtaken(self, tx: Connection, payment: Payment) -> Webhook | None:
        """An older notification that can come after the one about `payment`: pending."""
        return self.webhook(tx, replace(payment, status=SimulatedStatus.PENDING, paid_at=None))

    def refund_webhook(self, tx: Connection, payment: Payment, _refund: Row[Any]) -> Webhook | None:
        """The notification about a refund is one about the transaction."""
        return self.webhook(tx, payment)

    def choose(self, tx: Connection, payment: Payment, channel: str) -> Payment:
        """The payer takes a method on the page: from now on Core knows the order. A closed page offers none.

        After a denied attempt it is a new transaction of the same order.
        """
        if payment.status is SimulatedStatus.FAILED:
            payment = payments.change(tx, payment, status=SimulatedStatus.OPEN, transaction_id=str(uuid4()))
        if payment.status is not SimulatedStatus.OPEN:
            return payment
        chosen = payments.change(tx, payment, status=SimulatedStatus.PENDING, channel=channel)
        self._announce_expiry(tx, chosen)
        return chosen

    def fail(self, tx: Connection, payment: Payment) -> Payment:
        """The attempt is denied. A closed page takes none."""
        if payment.status is SimulatedStatus.CLOSED:
            raise payments.NotPossible("is on a closed page")
        return payments.end(tx, payment, SimulatedStatus.FAILED)

    def return_url(self, payment: Payment) -> str | None:
        """The payer's next address after paying, with the parameters that Snap appends."""
        url = (payment.request.get("callbacks") or {}).get("finish")
        if not url or payment.status in UNCHOSEN:
            return None
        outcome = {
            "order_id": payment.reference,
            "status_code": documents.notification_code(payment),
            "transaction_status": documents.transaction_status(payment),
        }
        return f"{url}{'&' if '?' in url else '?'}{urlencode(outcome)}"

    @property
    def account_page(self) -> str:
        """The page where a payer types the number of a virtual account."""
        return self._settings.page("/midtrans/va")

    def page(self, payment: Payment) -> str:
        """The address of the payment page."""
        if payment.token:
            return self._settings.page(f"/midtrans/snap/v4/redirection/{payment.token}")
        return self._settings.page(f"/midtrans/pay/{payment.reference}")

    def snap_api(self, engine: Engine) -> Blueprint:
        """Pages: create and close."""
        api = blueprint("midtrans_snap", GATEWAY, engine)

        @api.before_request
        def require_key() -> None:
            if not has_basic_user(self._settings.midtrans_server_key):
                raise documents.snap_error(
                    401, "Access denied due to unauthorized transaction, please check client or server key"
                )

        @api.post("/snap/v1/transactions")
        def create() -> tuple[Response, int]:
            with engine.begin() as tx:
                payment = self._open_page(tx, json_object())
            return jsonify({"token": payment.token, "redirect_url": self.page(payment)}), 201

        @api.post("/snap/v1/transactions/<token>/cancel")
        def cancel(token: str) -> Response:
            with engine.begin() as tx:
                payment = payments.find_by_token(tx, GATEWAY, token)
                if payment is None:
                    raise documents.snap_error(404, "token not found")
                if payment.status is SimulatedStatus.CLOSED:
                    raise documents.snap_error(400, "token already canceled")
                if payment.status not in (SimulatedStatus.OPEN, SimulatedStatus.FAILED):
                    raise documents.snap_error(400, "Transaction is on progress")
                payments.change(tx, payment, status=SimulatedStatus.CLOSED)
            return jsonify({"canceled_at": datetime.now(UTC).isoformat(timespec="milliseconds")})

        return api

    def charge_api(self, engine: Engine) -> Blueprint:
        """Charges: a QR code, a wallet, or a virtual account (Mandiri's is a bill)."""
        api = blueprint("midtrans_charge", GATEWAY, engine)
        api.before_request(lambda: require_core_key(self._settings))

        @api.post("/v2/charge")
        def charge() -> Response:
            with engine.begin() as tx:
                payment = self._charge(tx, json_object())
            return jsonify(self._charge_answer(payment))

        return api

    def _open_page(self, tx: Connection, body: dict[str, Any]) -> Payment:
        problems = requests.problems_of(body)
        if problems:
            raise documents.snap_error(400, *problems)
        details = body["transaction_details"]
        try:
            methods, expires_at = requests.snap_methods(body), requests.snap_expiry(body)
        except (KeyError, TypeError, ValueError):
            raise documents.snap_error(400, "expiry is not valid") from None
        if not methods:
            raise documents.snap_error(400, "enabled_payments has no active payment method")
        values = {
            "token": str(uuid4()),
            "status": SimulatedStatus.OPEN,
            "amount": details["gross_amount"],
            "methods": methods,
            "request": body,
            "expires_at": expires_at,
        }
        known = payments.find(tx, GATEWAY, details["order_id"])
        if known is None:
            return self._add(tx, details["order_id"], **values)
        if known.status not in UNCHOSEN:
            raise documents.snap_error(
                400, "transaction_details.order_id has been paid and utilized, please use another order ID"
            )
        return payments.change(tx, known, **values)  # which revokes the old token

    def _charge(self, tx: Connection, body: dict[str, Any]) -> Payment:
        problems = requests.problems_of(body)
        if problems:
            raise documents.error(400, "; ".join(problems))
        order_id, key = body["transaction_details"]["order_id"], request.headers.get("Idempotency-Key")
        known = payments.find(tx, GATEWAY, order_id)
        if known is not None:
            if _is_repeated(known, key):
                return known
            raise documents.used_order_id()
        channel = requests.charge_channel(body)
        try:
            expires_at = requests.charge_expiry(body, channel)
        except (KeyError, TypeError, ValueError) as error:
            raise requests.malformed(error) from None
        payment = self._add(
            tx,
            order_id,
            status=SimulatedStatus.PENDING,
            amount=body["transaction_details"]["gross_amount"],
            methods=[channel],
            channel=channel,
            request=body,
            idempotency_key=key,
            expires_at=expires_at,
        )
        self._announce_expiry(tx, payment)
        return payment

    def _announce_expiry(self, tx: Connection, payment: Payment) -> None:
        """Have the notification sent that a pending payment has expired, when it does."""
        expired = replace(payment, status=SimulatedStatus.EXPIRED, updated_at=payment.expires_at)
        webhook = self.webhook(tx, expired)
        if webhook:
            webhooks.send(tx, webhook, due_at=payment.expires_at, name=expiry_name(payment))

    def _add(self, tx: Connection, order_id: str, *, amount: int, methods: list[str], **values: Any) -> Payment:
        return payments.add(
            tx,
            gateway=GATEWAY,
            reference=order_id,
            external_id=order_id,
            transaction_id=str(uuid4()),
            amount=amount,
            methods=methods,
            va_number=documents.account_number(methods[0]),
            qr_string=qris.qris_text(self._settings.merchant_name, amount, order_id),
            **values,
        )

    def _charge_answer(self, payment: Payment) -> dict[str, Any]:
        page = {"name": "deeplink-redirect", "method": "GET", "url": self.page(payment)}
        answer = documents.transaction(payment, []) | {"status_message": documents.created_message(payment)}
        if documents.payment_type(payment) not in ("qris", "gopay"):
            return answer | {"actions": [page]}
        picture = self._settings.page(f"/midtrans/v2/qris/{payment.transaction_id}/qr-code")
        actions = [{"name": "generate-qr-code", "method": "GET", "url": picture}, page]
        return answer | {"actions": actions, "qr_string": payment.qr_string}


def require_core_key(settings: SimulatorSettings) -> None:
    """Refuse a call without the server key: the one error of Core that is a real HTTP status."""
    if not has_basic_user(settings.midtrans_server_key):
        message = "Transaction cannot be authorized with the current client/server key."
        raise documents.error(401, message, http_status=401)


def _is_repeated(known: Payment, key: str | None) -> bool:
    """True if a charge is the same call again; for Permata Midtrans keeps no keys."""
    recent = known.created_at + _KEY_REMEMBERED > datetime.now(UTC)
    return recent and key is not None and known.idempotency_key == key and known.channel != "PERMATA"


def expiry_name(payment: Payment) -> str:
    """The name of the notification that waits for the payment to expire."""
    return f"midtrans-expiry-{payment.reference}"
