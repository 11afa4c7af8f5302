"""Xendit's refunds, settled by the clock: PENDING at first, SUCCEEDED soon after."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from flask import Blueprint, Response, jsonify, request
from sqlalchemy import Connection, Engine, Row, select
from sqlalchemy.exc import IntegrityError

from infra.local.simulators import payments, webhooks
from infra.local.simulators import xendit_documents as documents
from infra.local.simulators.api import blueprint, json_object
from infra.local.simulators.payments import HOLDS_MONEY, NotPossible, Payment
from infra.local.simulators.settings import SimulatorSettings
from infra.local.simulators.tables import refunds
from infra.local.simulators.xendit import GATEWAY, Xendit, require_key

_PAGE_SIZE = 10


def refunds_api(simulator: Xendit, settings: SimulatorSettings, engine: Engine) -> Blueprint:
    """Create, read and list refunds."""
    api = blueprint("xendit_refunds", GATEWAY, engine)
    api.before_request(lambda: require_key(settings))
    settles_after = timedelta(seconds=settings.settle_seconds)

    @api.post("/refunds")
    def create() -> Response:
        with engine.begin() as tx:
            return jsonify(_refund(tx, simulator, json_object(), settles_after))

    @api.get("/refunds/<refund_id>")
    def read(refund_id: str) -> Response:
        with engine.connect() as tx:
            row = tx.execute(select(refunds).where(refunds.c.id == refund_id)).first()
        if row is None:
            raise documents.xendit_error(404, "DATA_NOT_FOUND", f"Refund {refund_id} not found")
        return jsonify(_refund_now(row))

    @api.get("/refunds")
    def listing() -> Response:
        with engine.connect() as tx:
            return jsonify(_refund_page(tx, request.args.get("after_id")))

    return api


def _refund(tx: Connection, simulator: Xendit, body: dict[str, Any], settles_after: timedelta) -> dict[str, Any]:
    key = request.headers.get("idempotency-key")
    known = tx.execute(select(refunds).where(refunds.c.idempotency_key == key)).first() if key else None
    if known is not None:
        same = (known.reference, known.amount) == (body.get("reference_id"), body.get("amount", known.amount))
        if not same:
            raise documents.xendit_error(409, "IDEMPOTENCY_ERROR", "The key was used for another refund")
        return _refund_now(known)
    payment = _refundable(tx, str(body.get("invoice_id") or ""))
    refund_id = f"rfd-{uuid4()}"
    try:
        with tx.begin_nested():
            after = payments.refund(
                tx,
                payment,
                refund_id=refund_id,
                reference=str(body.get("reference_id") or refund_id),
                amount=int(body.get("amount") or payment.left),
                reason=body.get("reason"),
                settles_at=datetime.now(UTC) + settles_after,
                idempotency_key=key,
            )
    except NotPossible:
        message = "The refund amount exceeds what is left of the payment"
        raise documents.xendit_error(400, "MAXIMUM_REFUND_AMOUNT_REACHED", message) from None
    except IntegrityError:
        raise documents.xendit_error(409, "DUPLICATE_ERROR", "The reference id was used before") from None
    row = tx.execute(select(refunds).where(refunds.c.id == refund_id)).one()
    webhooks.send(tx, simulator.refund_webhook(tx, after, row), due_at=row.settles_at)
    return _refund_now(row)


def _refundable(tx: Connection, invoice_id: str) -> Payment:
    payment = payments.find(tx, GATEWAY, invoice_id)
    if payment is None:
        raise documents.xendit_error(404, "DATA_NOT_FOUND", "Could not find the invoice")
    if payment.channel in (*documents.BANKS, *documents.SHOPS):
        raise documents.xendit_error(400, "REFUND_NOT_SUPPORTED", "Refunds are not supported for this channel")
    if payment.status not in HOLDS_MONEY:
        raise documents.xendit_error(400, "INELIGIBLE_TRANSACTION", "The payment cannot be refunded")
    return payment


def _refund_now(row: Row[Any]) -> dict[str, Any]:
    status = "SUCCEEDED" if row.settles_at <= datetime.now(UTC) else "PENDING"
    return documents.refund_object(row, status)


def _refund_page(tx: Connection, after_id: str | None) -> dict[str, Any]:
    query = select(refunds).where(refunds.c.gateway == GATEWAY).order_by(refunds.c.number.desc())
    if after_id:
        last = select(refunds.c.number).where(refunds.c.id == after_id).scalar_subquery()
        query = query.where(refunds.c.number < last)
    rows = tx.execute(query.limit(_PAGE_SIZE + 1)).all()
    return {
        "data": [_refund_now(row) for row in rows[:_PAGE_SIZE]],
        "has_more": len(rows) > _PAGE_SIZE,
        "links": [],
    }
