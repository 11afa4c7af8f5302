"""Xendit's payouts (v2), settled by the clock.

A payout's course is told by its account number, as in Xendit's test mode; here leading zeros don't count,
so that it can have as many digits as its bank wants:

    131313  stays ACCEPTED, to be cancelled      123456  FAILED, TEMPORARY_TRANSFER_ERROR
    999999  FAILED, REJECTED_BY_CHANNEL          121212  FAILED, INVALID_DESTINATION
    654321  SUCCEEDED, then REVERSED             any other  SUCCEEDED
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from flask import Blueprint, Response, jsonify, request
from sqlalchemy import Connection, Engine, Row, select
from sqlalchemy.dialects.postgresql import insert

from infra.local.simulators import payments, webhooks
from infra.local.simulators import xendit_documents as documents
from infra.local.simulators.api import blueprint, json_object
from infra.local.simulators.settings import SimulatorSettings
from infra.local.simulators.tables import movements, payouts
from infra.local.simulators.xendit import GATEWAY, Xendit, require_key

PAYOUT_CHANNELS = frozenset(f"ID_{name}" for name in (*documents.BANKS, *documents.WALLETS, "CIMB", "BSI"))

_NEVER_SETTLED, _REVERSED_LATER = "131313", "654321"
_FAILURES = {
    "123456": "TEMPORARY_TRANSFER_ERROR",
    "999999": "REJECTED_BY_CHANNEL",
    "121212": "INVALID_DESTINATION",
}
_TOLD = ("SUCCEEDED", "FAILED", "REVERSED")
_MIN_AMOUNT = 10_000


def payouts_api(simulator: Xendit, settings: SimulatorSettings, engine: Engine) -> Blueprint:
    """Create, read, list and cancel payouts."""
    api = blueprint("xendit_payouts", GATEWAY, engine)
    api.before_request(lambda: require_key(settings))
    settles_after = timedelta(seconds=settings.settle_seconds)

    @api.post("/v2/payouts")
    def create() -> Response:
        with engine.begin() as tx:
            return jsonify(_payout(tx, simulator, json_object(), settles_after))

    @api.get("/v2/payouts/<payout_id>")
    def read(payout_id: str) -> Response:
        with engine.connect() as tx:
            return jsonify(_payout_now(_find_payout(tx, payout_id), settles_after))

    @api.get("/v2/payouts")
    def listing() -> Response:
        query = select(payouts).where(payouts.c.reference == request.args.get("reference_id", ""))
        with engine.connect() as tx:
            rows = tx.execute(query.order_by(payouts.c.created_at.desc())).all()
        return jsonify({"has_more": False, "data": [_payout_now(row, settles_after) for row in rows]})

    @api.post("/v2/payouts/<payout_id>/cancel")
    def cancel(payout_id: str) -> Response:
        with engine.begin() as tx:
            return jsonify(_cancel_payout(tx, payout_id, settles_after))

    return api


def _payout(tx: Connection, simulator: Xendit, body: dict[str, Any], settles_after: timedelta) -> dict[str, Any]:
    key = request.headers.get("Idempotency-key")
    if not key:
        raise documents.invalid("Idempotency-key", "is required")
    _check_payout(body)
    made = insert(payouts).values(
        id=f"disb-{uuid4()}",
        reference=body["reference_id"],
        idempotency_key=key,
        amount=int(body["amount"]),
        request=body,
    )
    row = tx.execute(made.on_conflict_do_nothing(index_elements=["idempotency_key"]).returning(payouts)).first()
    if row is None:
        return _payout_now(_made_before(tx, key, body), settles_after)
    for at, status, failure_code in _course(row, settles_after):
        if status in _TOLD:
            webhook = simulator.sign(_payout_webhook(row, at, status, failure_code))
            webhooks.send(tx, webhook, due_at=at, name=_webhook_name(row.id, status))
        if status in ("SUCCEEDED", "REVERSED"):
            amount = -row.amount if status == "SUCCEEDED" else row.amount
            kind = "payout" if status == "SUCCEEDED" else "payout_reversal"
            payments.note_movement(tx, GATEWAY, kind, row.id, row.reference, amount, at)
    return _payout_now(row, settles_after)


def _made_before(tx: Connection, key: str, body: dict[str, Any]) -> Row[Any]:
    known = tx.execute(select(payouts).where(payouts.c.idempotency_key == key)).one()
    if known.request != body:
        message = (
            "A payout with this idempotency key already exists. "
            "If you meant to execute a different request, please use another idempotency key."
        )
        raise documents.xendit_error(409, "DUPLICATE_ERROR", message)
    return known


def _check_payout(body: dict[str, Any]) -> None:
    account = body.get("channel_properties")
    if not isinstance(body.get("reference_id"), str):
        raise documents.invalid("reference_id", "is required")
    if body.get("channel_code") not in PAYOUT_CHANNELS:
        raise documents.xendit_error(400, "CHANNEL_CODE_NOT_SUPPORTED", "The channel code is not supported")
    if not isinstance(account, dict) or not str(account.get("account_number", "")).isdigit():
        raise documents.xendit_error(400, "RECIPIENT_ACCOUNT_NUMBER_ERROR", "The account number is not valid")
    if not isinstance(body.get("amount"), int | float):
        raise documents.invalid("amount", "must be a number")
    if body["amount"] < _MIN_AMOUNT:
        raise documents.xendit_error(400, "MINIMUM_TRANSFER_LIMIT_ERROR", f"The amount is below {_MIN_AMOUNT}")


def _course(row: Row[Any], settles_after: timedelta) -> list[tuple[datetime, str, str | None]]:
    """The time at which the payout reaches a status, which, and why it fails if it does."""
    created: datetime = row.created_at
    number = row.request["channel_properties"]["account_number"].lstrip("0")
    steps: list[tuple[datetime, str, str | None]] = [(created, "ACCEPTED", None)]
    if number == _NEVER_SETTLED:
        return steps
    steps.append((created + settles_after / 2, "REQUESTED", None))
    if number in _FAILURES:
        return [*steps, (created + settles_after, "FAILED", _FAILURES[number])]
    steps.append((created + settles_after, "SUCCEEDED", None))
    if number == _REVERSED_LATER:
        steps.append((created + 2 * settles_after, "REVERSED", None))
    return steps


def _payout_now(row: Row[Any], settles_after: timedelta) -> dict[str, Any]:
    reached = [step for step in _course(row, settles_after) if step[0] <= datetime.now(UTC)]
    at, status, failure_code = reached[-1] if reached else (row.created_at, "ACCEPTED", None)
    if row.cancelled_at is not None:
        at, status, failure_code = row.cancelled_at, "CANCELLED", None
    failure = {"failure_code": failure_code} if failure_code else {}
    return {
        "id": row.id,
        **{name: row.request.get(name) for name in ("amount", "channel_code", "currency", "description")},
        "reference_id": row.reference,
        "status": status,
        **failure,
        "created": documents.iso(row.created_at),
        "updated": documents.iso(at),
        "estimated_arrival_time": documents.iso(row.created_at + settles_after),
        "business_id": documents.BUSINESS_ID,
        "channel_properties": row.request["channel_properties"],
    }


def _payout_webhook(row: Row[Any], at: datetime, status: str, failure_code: str | None) -> dict[str, Any]:
    failure = {"failure_code": failure_code} if failure_code else {}
    return {
        "event": f"payout.{status.lower()}",
        "business_id": documents.BUSINESS_ID,
        "created": documents.iso(at),
        "api_version": "v2",
        "data": {
            "id": row.id,
            "amount": row.amount,
            "status": status,
            "reference_id": row.reference,
            "idempotency_key": row.idempotency_key,
            "channel_code": row.request["channel_code"],
            "channel_category": "BANK",
            "account_number": row.request["channel_properties"]["account_number"],
            "connector_reference": "SIMULATED",
            **failure,
        },
    }


def _cancel_payout(tx: Connection, payout_id: str, settles_after: timedelta) -> dict[str, Any]:
    row = _find_payout(tx, payout_id)
    if _payout_now(row, settles_after)["status"] != "ACCEPTED":
        raise documents.xendit_error(400, "API_VALIDATION_ERROR", "The payout can no longer be cancelled")
    for status in _TOLD:
        webhooks.withdraw(tx, _webhook_name(payout_id, status))
    tx.execute(movements.delete().where(movements.c.gateway == GATEWAY, movements.c.reference == payout_id))
    cancelled = payouts.update().where(payouts.c.id == payout_id).values(cancelled_at=datetime.now(UTC))
    return _payout_now(tx.execute(cancelled.returning(payouts)).one(), settles_after)


def _find_payout(tx: Connection, payout_id: str) -> Row[Any]:
    row = tx.execute(select(payouts).where(payouts.c.id == payout_id)).first()
    if row is None:
        raise documents.xendit_error(404, "DATA_NOT_FOUND", f"Payout {payout_id} not found")
    return row


def _webhook_name(payout_id: str, status: str) -> str:
    return f"xendit-payout-{payout_id}-{status}"
