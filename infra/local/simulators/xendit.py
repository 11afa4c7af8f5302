"""Xendit's invoices: create, read, list, expire!, and the webhooks about them.

As published: external_id is not unique, EXPIRED can't be revived by the payer, a failed attempt leaves
PENDING without a webhook, PAID turns SETTLED a day later, refunds don't show. Guessed: the error of
expiring what isn't pending.
"""

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, jsonify, request
from sqlalchemy import Connection, Engine, Row

from infra.local.simulators import payments, qris, webhooks
from infra.local.simulators import xendit_documents as documents
from infra.local.simulators.api import blueprint, has_basic_user, json_object
from infra.local.simulators.payments import NotPossible, Payment, SimulatedStatus
from infra.local.simulators.settings import SimulatorSettings
from infra.local.simulators.webhooks import Webhook
from infra.local.simulators.xendit_documents import BANKS, CHANNELS

GATEWAY = "xendit"
POLICY = "xendit-webhook"

_MIN_AMOUNT, _MAX_AMOUNT = 1_000, 1_000_000_000


class Xendit:
    """One simulated Xendit account: what its dashboard and its payers do, told from `controls`."""

    name = GATEWAY
    channels: tuple[str, ...] = CHANNELS
    biller_codes: Mapping[str, str] = {}
    actions = frozenset({"pay", "fail", "expire", "refund"})

    def __init__(self, settings: SimulatorSettings) -> None:
        self._settings = settings

    def webhook(self, _tx: Connection, payment: Payment) -> Webhook | None:
        """The webhook about the present state; Xendit has none for what is still pending."""
        if payment.status is SimulatedStatus.EXPIRED:
            return self._expired(payment, payment.updated_at)
        if payment.paid_at is None:
            return None
        return self.sign(documents.paid_webhook(payment, self._settings.merchant_name))

    def overtaken(self, _tx: Connection, payment: Payment) -> Webhook | None:
        """An older webhook that can come after the one about `payment`: it expired before it was paid."""
        return self._expired(payment, payment.expires_at)

    def refund_webhook(self, _tx: Connection, _payment: Payment, refund: Row[Any]) -> Webhook:
        """The webhook about a refund that went through."""
        body = {
            "event": "refund.succeeded",
            "business_id": documents.BUSINESS_ID,
            "created": documents.iso(refund.settles_at),
            "data": documents.refund_object(refund, "SUCCEEDED"),
        }
        return self.sign(body)

    def choose(self, _tx: Connection, payment: Payment, _channel: str) -> Payment:
        """Do nothing: an invoice is pending from the start."""
        return payment

    def fail(self, _tx: Connection, payment: Payment) -> Payment:
        """Do nothing: a failed attempt leaves an invoice as it is, and nobody is told."""
        if payment.status is not SimulatedStatus.PENDING:
            raise NotPossible(f"is {payment.status}")
        return payment

    def return_url(self, payment: Payment) -> str | None:
        """The payer's next address after paying."""
        url = payment.request.get("success_redirect_url")
        return str(url) if url else None

    @property
    def account_page(self) -> str:
        """The page where a payer types the number of a virtual account."""
        return self._settings.page("/xendit/va")

    def page(self, payment: Payment) -> str:
        """The address of the payment page."""
        return self._settings.page(f"/xendit/web/{payment.reference}")

    def sign(self, body: dict[str, Any]) -> Webhook:
        """A webhook with the account's token, whatever it is about."""
        return Webhook(
            url=self._settings.webhook(GATEWAY),
            headers={"x-callback-token": self._settings.xendit_callback_token},
            body=json.dumps(body).encode(),
            policy=POLICY,
            time_scale=webhooks.time_scale(POLICY, self._settings.first_retry_seconds),
            timeout_seconds=30.0,
        )

    def api(self, engine: Engine) -> Blueprint:
        """The invoice calls."""
        api = blueprint("xendit_invoices", GATEWAY, engine)
        api.before_request(lambda: require_key(self._settings))

        @api.post("/v2/invoices")
        def create() -> Response:
            with engine.begin() as tx:
                payment = self._create(tx, json_object())
                return jsonify(self._invoice(payment))

        @api.get("/v2/invoices/<reference>")
        def read(reference: str) -> Response:
            with engine.begin() as tx:
                return jsonify(self._invoice(_find(tx, reference)))

        @api.get("/v2/invoices")
        def search() -> Response:
            limit = min(request.args.get("limit", 10, int), 100)
            statuses = request.args.getlist("statuses")
            with engine.begin() as tx:
                found = payments.newest(tx, GATEWAY, request.args.get("external_id"), limit, **_page())
            listed = [self._invoice(payment) for payment in found]
            return jsonify([each for each in listed if not statuses or each["status"] in statuses])

        @api.post("/invoices/<reference>/expire!")
        def expire(reference: str) -> Response:
            with engine.begin() as tx:
                payment = _find(tx, reference)
                if payment.status is not SimulatedStatus.PENDING:
                    raise documents.xendit_error(
                        400, "INVALID_INVOICE_STATUS_ERROR", f"Invoice is already {payment.status}"
                    )
                webhooks.withdraw(tx, expiry_name(payment))
                ended = payments.end(tx, payment, SimulatedStatus.EXPIRED)
                webhooks.send(tx, self._expired(ended, ended.updated_at))
                return jsonify(self._invoice(ended))

        return api

    def _create(self, tx: Connection, body: dict[str, Any]) -> Payment:
        _check(body)
        now = datetime.now(UTC)
        methods = body.get("payment_methods") or list(CHANNELS)
        payment = payments.add(
            tx,
            gateway=GATEWAY,
            reference=secrets.token_hex(12),
            external_id=body["external_id"],
            transaction_id=secrets.token_hex(12),
            status=SimulatedStatus.PENDING,
            amount=int(body["amount"]),  # decimals of rupiah are cut off
            methods=methods,
            qr_string=qris.qris_text(self._settings.merchant_name, int(body["amount"]), body["external_id"]),
            va_number=_account_number() if len(methods) == 1 and methods[0] in BANKS else None,
            request=body,
            expires_at=now + timedelta(seconds=body.get("invoice_duration", 86_400)),
        )
        expired = self._expired(payment, payment.expires_at)
        webhooks.send(tx, expired, due_at=payment.expires_at, name=expiry_name(payment))
        return payment

    def _invoice(self, payment: Payment) -> dict[str, Any]:
        return documents.invoice(payment, self._settings.merchant_name, self.page(payment))

    def _expired(self, payment: Payment, at: datetime) -> Webhook:
        return self.sign(documents.expired_webhook(payment, self._settings.merchant_name, at))


def require_key(settings: SimulatorSettings) -> None:
    """Refuse a call without the account's key."""
    if not has_basic_user(settings.xendit_api_key):
        raise documents.xendit_error(401, "INVALID_API_KEY", "API key is not authorized for this API service")


def expiry_name(payment: Payment) -> str:
    """The name of the webhook that waits for the invoice to expire."""
    return f"xendit-expiry-{payment.reference}"


def _page() -> dict[str, Any]:
    """The part of the list that is asked for: a `created_after` needs its `created_before`."""
    bounds = {edge: request.args.get(f"created_{edge}") for edge in ("after", "before")}
    if bounds["after"] and not bounds["before"]:
        raise documents.invalid("created_before", "is required")
    moments = {edge: datetime.fromisoformat(written) for edge, written in bounds.items() if written}
    return {**moments, "older_than": request.args.get("last_invoice")}


def _find(tx: Connection, reference: str) -> Payment:
    payment = payments.find(tx, GATEWAY, reference)
    if payment is None:
        raise documents.xendit_error(404, "INVOICE_NOT_FOUND_ERROR", f"Could not find invoice by id {reference}")
    return payment


def _check(body: dict[str, Any]) -> None:
    external_id, amount = body.get("external_id"), body.get("amount")
    if not isinstance(external_id, str) or not 1 <= len(external_id) <= 255:
        raise documents.invalid("external_id", "must be a string")
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        raise documents.invalid("amount", "must be a number")
    if body.get("currency", "IDR") != "IDR":
        raise documents.xendit_error(400, "UNSUPPORTED_CURRENCY", "The currency is not supported")
    if amount < _MIN_AMOUNT:
        raise documents.xendit_error(400, "MINIMAL_TRANSFER_AMOUNT_ERROR", f"The amount is below {_MIN_AMOUNT}")
    if amount > _MAX_AMOUNT:
        raise documents.xendit_error(400, "MAXIMUM_TRANSFER_AMOUNT_ERROR", f"The amount is above {_MAX_AMOUNT}")
    duration = body.get("invoice_duration", 86_400)
    if not isinstance(duration, int | float) or not 1 <= duration <= 31_536_000:
        raise documents.invalid("invoice_duration", "must be between 1 and 31536000")
    unknown = set(body.get("payment_methods") or []) - set(CHANNELS)
    if unknown:
        raise documents.xendit_error(
            400, "UNAVAILABLE_PAYMENT_METHOD_ERROR", f"Not available: {', '.join(sorted(unknown))}"
        )


def _account_number() -> str:
    return "8808" + "".join(secrets.choice("0123456789") for _ in range(12))
