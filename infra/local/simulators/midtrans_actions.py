"""Midtrans Core: the truth about an order, and what can be done to it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from flask import Blueprint, Response, jsonify
from sqlalchemy import Connection, Engine

from infra.local.simulators import midtrans_documents as documents
from infra.local.simulators import payments, webhooks
from infra.local.simulators.api import blueprint, json_object
from infra.local.simulators.midtrans import GATEWAY, UNCHOSEN, Midtrans, expiry_name, require_core_key
from infra.local.simulators.midtrans_documents import IN_FULL_ONLY, REFUNDABLE
from infra.local.simulators.payments import HOLDS_MONEY, NotPossible, Payment, SimulatedStatus
from infra.local.simulators.settings import SimulatorSettings

_REFUND_KEY = re.compile(r"[A-Za-z0-9\-_]+")


def actions_api(simulator: Midtrans, settings: SimulatorSettings, engine: Engine) -> Blueprint:
    """GET status, and POST cancel, expire, refund. `reference` is an order or transaction id."""
    api = blueprint("midtrans_actions", GATEWAY, engine)
    api.before_request(lambda: require_core_key(settings))
    settles_after = timedelta(seconds=settings.settle_seconds)

    @api.get("/v2/<reference>/status")
    def status(reference: str) -> Response:
        with engine.begin() as tx:
            payment = _find(tx, reference)
            return jsonify(documents.transaction(payment, payments.refunds_of(tx, payment)))

    @api.post("/v2/<reference>/<any(cancel, expire):action>")
    def act(reference: str, action: str) -> Response:
        with engine.begin() as tx:
            return jsonify(_act(tx, simulator, _find(tx, reference), action))

    @api.post("/v2/<reference>/refund")
    def refund(reference: str) -> Response:
        with engine.begin() as tx:
            return jsonify(_refund(tx, simulator, _find(tx, reference), json_object(), settles_after))

    return api


_Change = Callable[[Connection, Payment], Payment]

_ACTIONS: dict[str, tuple[frozenset[SimulatedStatus], _Change, str]] = {
    # action: in which states, what it does, what it says
    "expire": (
        frozenset({SimulatedStatus.PENDING}),
        lambda tx, payment: payments.end(tx, payment, SimulatedStatus.EXPIRED),
        "Success, transaction has expired",
    ),
    "cancel": (
        frozenset({SimulatedStatus.PENDING, SimulatedStatus.CHALLENGED}),
        lambda tx, payment: payments.end(tx, payment, SimulatedStatus.CANCELLED),
        "Success, transaction is canceled",
    ),
}


def _act(tx: Connection, simulator: Midtrans, payment: Payment, action: str) -> dict[str, Any]:
    allowed, change, message = _ACTIONS[action]
    if payment.status not in allowed:
        raise documents.error(412, "Merchant cannot modify the status of the transaction")
    webhooks.withdraw(tx, expiry_name(payment))
    changed = change(tx, payment)
    webhook = simulator.webhook(tx, changed)
    if webhook:
        webhooks.send(tx, webhook)
    code = "407" if action == "expire" else "200"
    return documents.transaction(changed, [], code=code) | {"status_message": message}


def _refund(
    tx: Connection, simulator: Midtrans, payment: Payment, body: dict[str, Any], settles_after: timedelta
) -> dict[str, Any]:
    amount = body.get("amount", payment.left)
    key = str(body.get("refund_key") or uuid4())
    _check_refund(tx, payment, amount, key, settles_after)
    try:
        after = payments.refund(
            tx,
            payment,
            refund_id=str(uuid4()),
            reference=key,
            amount=amount,
            reason=body.get("reason"),
            settles_at=datetime.now(UTC) + settles_after,
        )
    except NotPossible:
        raise documents.error(414, "Refund request is rejected due to invalid amount") from None
    row = payments.refunds_of(tx, after)[-1]
    webhook = simulator.refund_webhook(tx, after, row)
    if webhook:
        webhooks.send(tx, webhook)
    return documents.transaction(after, [], code="200") | {
        "status_message": "Success, refund request is approved",
        "refund_chargeback_id": row.number,
        "refund_amount": documents.rupiah(amount),
        "refund_key": key,
    }


def _check_refund(tx: Connection, payment: Payment, amount: object, key: str, settles_after: timedelta) -> None:
    kind = documents.payment_type(payment)
    if any(refund.reference == key for refund in payments.refunds_of(tx, payment)):
        raise documents.error(406, "Duplicate refund ID")
    is_captured = kind == "credit_card" and payment.updated_at + settles_after > datetime.now(UTC)
    if payment.status not in HOLDS_MONEY or kind not in REFUNDABLE or is_captured:  # a card is refunded once it settled
        raise documents.error(412, "Merchant cannot modify the status of the transaction")
    if not _REFUND_KEY.fullmatch(key):
        raise documents.error(400, "refund_key must be letters, digits, - and _")
    if isinstance(amount, bool) or not isinstance(amount, int) or (kind in IN_FULL_ONLY and amount != payment.left):
        raise documents.error(414, "Refund request is rejected due to invalid amount")


def _find(tx: Connection, reference: str) -> Payment:
    payment = payments.find(tx, GATEWAY, reference) or payments.find_by_transaction(tx, GATEWAY, reference)
    if payment is None or payment.status in UNCHOSEN:
        refusal = documents.error(404, "Transaction doesn't exist.")
        refusal.body = {**refusal.body, "id": str(uuid4())}
        raise refusal
    return payment
