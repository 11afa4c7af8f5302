"""Actions of the payer, the bank or a test on a payment, by call or by button; and misbehaviour on demand.

    POST /{gateway}/payments/{reference}/{action}   {channel?, amount?, deliver?, delay_seconds?, reason?, back?}
    GET  the same path, or without the action       the payment's state
    POST /{gateway}/faults                          {status?, body?, latency_ms?, timeout?, takes_effect?, count}
    GET  /{gateway}/transactions                    every movement of money, for reconciliation
    POST /sendgrid/mails/{message_id}/{event}       tell us what became of a mail

`deliver` says what becomes of the webhook: now, never, twice, late (by `delay_seconds`), out_of_order.
The `body` of a fault is a document, or what is none: html, empty, half, error.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

from flask import Blueprint, Response, jsonify, redirect, request
from sqlalchemy import Connection, Engine, Row, select
from werkzeug.wrappers import Response as AnyResponse

from infra.local.simulators import faults, payments, sendgrid, webhooks
from infra.local.simulators.api import ApiError, json_object
from infra.local.simulators.payments import NotPossible, Payment, SimulatedStatus
from infra.local.simulators.settings import SimulatorSettings
from infra.local.simulators.tables import mails, movements
from infra.local.simulators.webhooks import Mode, Plan, Webhook


class Gateway(Protocol):
    """A simulated payment gateway, as the controls and the page need it."""

    name: str
    channels: tuple[str, ...]
    biller_codes: Mapping[str, str]
    """A company's code by channel, where a number is paid under one."""
    actions: frozenset[str]

    def webhook(self, tx: Connection, payment: Payment, /) -> Webhook | None:
        """The webhook about the present state, if the gateway has one for it."""

    def overtaken(self, tx: Connection, payment: Payment, /) -> Webhook | None:
        """An older webhook that may arrive after the present one."""

    def refund_webhook(self, tx: Connection, payment: Payment, refund: Row[Any], /) -> Webhook | None:
        """The webhook about a refund."""

    def choose(self, tx: Connection, payment: Payment, channel: str, /) -> Payment:
        """The payer takes a method, where that is a step of its own."""

    def fail(self, tx: Connection, payment: Payment, /) -> Payment:
        """An attempt to pay fails."""

    def return_url(self, payment: Payment, /) -> str | None:
        """The payer's next address after paying."""

    def page(self, payment: Payment, /) -> str:
        """The address of the payment page."""

    @property
    def account_page(self) -> str:
        """The page where a payer types the number of a virtual account, as at a bank."""


def payment_controls(gateway: Gateway, engine: Engine) -> Blueprint:
    """The control calls about one gateway's payments."""
    controls = Blueprint(f"{gateway.name}_controls", __name__)
    _answer_errors(controls)

    @controls.post("/payments/<reference>/<action>")
    def act(reference: str, action: str) -> AnyResponse:
        wanted = request.form.to_dict() if request.form else json_object()
        with engine.begin() as tx:
            payment = _act(tx, gateway, _find(tx, gateway, reference), action, wanted)
        if request.form:
            return redirect(_next_page(gateway, payment, action, wanted), 303)
        return jsonify(state(gateway, payment))

    @controls.get("/payments/<reference>")
    @controls.get("/payments/<reference>/<_action>")
    def read(reference: str, _action: str = "") -> Response:
        with engine.begin() as tx:
            return jsonify(state(gateway, _find(tx, gateway, reference)))

    @controls.get("/transactions")
    def transactions() -> Response:
        with engine.connect() as tx:
            moved = _movements(tx, gateway.name)
        if request.authorization:  # our product asks, as it asks Xendit
            return jsonify(_transaction_page(moved))
        return jsonify({"items": moved})

    return controls


def fault_controls(name: str, engine: Engine) -> Blueprint:
    """Let the next API calls of one service fail; count 0 lets it behave again."""
    controls = Blueprint(f"{name}_faults", __name__)
    _answer_errors(controls)

    @controls.post("/faults")
    def arrange() -> Response:
        wanted = json_object()
        count = wanted.pop("count", 1)
        try:
            misbehaviour = faults.Misbehaviour.of(wanted)
        except TypeError as error:
            raise ApiError(400, {"error": str(error)}) from None
        with engine.begin() as tx:
            if count == 0:
                faults.clear(tx, name)
            else:
                faults.arrange(tx, name, misbehaviour, int(count))
        return jsonify({"count": count})

    return controls


def mail_controls(settings: SimulatorSettings, engine: Engine) -> Blueprint:
    """Send an event about a mail, as SendGrid would."""
    controls = Blueprint("sendgrid_controls", __name__)
    _answer_errors(controls)

    @controls.post("/mails/<message_id>/<event>")
    def tell(message_id: str, event: str) -> Response:
        if event not in sendgrid.EVENTS or not settings.mail_events_url:
            raise ApiError(404, {"error": "no such event, or nowhere to send it to"})
        with engine.begin() as tx:
            rows = tx.execute(select(mails).where(mails.c.message_id == message_id)).all()
            for row in rows:
                sendgrid.send_events(tx, settings, row, [event])
        return jsonify({"sent": len(rows)})

    return controls


def state(gateway: Gateway, payment: Payment) -> dict[str, Any]:
    """A payment as tests see it."""
    return {
        "gateway": payment.gateway,
        "reference": payment.reference,
        "external_id": payment.external_id,
        "transaction_id": payment.transaction_id,
        "status": payment.status,
        "amount": payment.amount,
        "paid_amount": payment.paid_amount,
        "refunded_amount": payment.refunded_amount,
        "methods": payment.methods,
        "channel": payment.channel,
        "va_number": payment.va_number,
        "qr_string": payment.qr_string,
        "page_url": gateway.page(payment),
        "created_at": _utc(payment.created_at),
        "expires_at": _utc(payment.expires_at),
        "paid_at": _utc(payment.paid_at) if payment.paid_at else None,
    }


def _next_page(gateway: Gateway, payment: Payment, action: str, wanted: dict[str, Any]) -> str:
    """The payer's next address after a button: `back` into the popup, the merchant once paid, or the same page."""
    page = gateway.page(payment)
    back = str(wanted.get("back") or "")
    if urlsplit(back)[:2] == urlsplit(page)[:2]:
        return back
    return (action == "pay" and gateway.return_url(payment)) or page


def _act(tx: Connection, gateway: Gateway, payment: Payment, action: str, wanted: dict[str, Any]) -> Payment:
    if action not in gateway.actions:
        raise ApiError(404, {"error": f"{gateway.name} has no action {action}"})
    plan, amount = _plan(wanted), _amount(wanted)
    channel = _channel(gateway, payment, wanted)
    try:
        if action == "refund":
            return _refund(tx, gateway, payment, amount or payment.left, plan, wanted.get("reason"))
        after = _change(tx, gateway, payment, action, channel, amount)
    except NotPossible as conflict:
        raise ApiError(409, {"error": f"not possible: the payment {conflict}"}) from None
    if (after.status, after.transaction_id) != (payment.status, payment.transaction_id):
        if after.status is not SimulatedStatus.PENDING:
            webhooks.withdraw(tx, f"{gateway.name}-expiry-{payment.reference}")
        _tell(tx, gateway, after, plan)
    return after


def _tell(tx: Connection, gateway: Gateway, payment: Payment, plan: Plan) -> None:
    webhook = gateway.webhook(tx, payment)
    if webhook is not None:
        webhooks.deliver(tx, webhook, plan, overtaken=gateway.overtaken(tx, payment))


def _change(
    tx: Connection, gateway: Gateway, payment: Payment, action: str, channel: str, amount: int | None
) -> Payment:
    chosen = gateway.choose(tx, payment, channel)
    match action:
        case "pay":
            return payments.pay(tx, chosen, channel=channel, amount=amount or payment.amount)
        case "choose":
            return chosen
        case "challenge":
            return payments.challenge(tx, chosen, channel="CREDIT_CARD")
        case "reverse":
            return payments.reverse(tx, chosen)
        case "charge_back":
            return payments.charge_back(tx, chosen)
        case "fail":
            return gateway.fail(tx, chosen)
        case _:
            return payments.end(tx, chosen, SimulatedStatus.EXPIRED)


def _refund(tx: Connection, gateway: Gateway, payment: Payment, amount: int, plan: Plan, reason: str | None) -> Payment:
    """A refund made by hand in the gateway's dashboard: through at once."""
    reference = f"dashboard-{uuid4()}"
    after = payments.refund(
        tx,
        payment,
        refund_id=f"rfd-{uuid4()}",
        reference=reference,
        amount=amount,
        reason=reason,
        settles_at=datetime.now(UTC),
    )
    webhook = gateway.refund_webhook(tx, after, payments.refunds_of(tx, after)[-1])
    if webhook is not None:
        webhooks.deliver(tx, webhook, plan)
    return after


def _find(tx: Connection, gateway: Gateway, reference: str) -> Payment:
    payment = payments.find(tx, gateway.name, reference)
    if payment is None:
        raise ApiError(404, {"error": f"{gateway.name} has no payment {reference}"})
    return payment


def _plan(wanted: dict[str, Any]) -> Plan:
    try:
        mode = Mode(wanted.get("deliver") or Mode.NOW)
        return Plan(mode, float(wanted.get("delay_seconds") or Plan.delay_seconds))
    except ValueError:
        raise ApiError(400, {"error": f"deliver is one of {', '.join(Mode)}"}) from None


def _amount(wanted: dict[str, Any]) -> int | None:
    given = wanted.get("amount")
    if given in (None, ""):
        return None
    try:
        amount = int(given)
    except (TypeError, ValueError):
        amount = 0
    if amount <= 0:
        raise ApiError(400, {"error": "amount is a whole number of rupiah above 0"})
    return amount


def _channel(gateway: Gateway, payment: Payment, wanted: dict[str, Any]) -> str:
    channel = str(wanted.get("channel") or payment.channel or payment.methods[0]).upper().removesuffix("_VA")
    if channel not in gateway.channels:
        raise ApiError(400, {"error": f"channel is one of {', '.join(gateway.channels)}"})
    return channel


def _movements(tx: Connection, gateway: str) -> list[dict[str, Any]]:
    query = select(movements).where(movements.c.gateway == gateway, movements.c.at <= datetime.now(UTC))
    return [
        {
            "kind": row.kind,
            "reference": row.reference,
            "external_id": row.external_id,
            "amount": row.amount,
            "currency": "IDR",
            "at": _utc(row.at),
        }
        for row in tx.execute(query.order_by(movements.c.at, movements.c.id))
    ]


_TYPES = {
    "payment": "PAYMENT",
    "refund": "REFUND",
    "reversal": "REFUND",
    "payout": "DISBURSEMENT",
    "payout_reversal": "DISBURSEMENT",
    "withdrawal": "WITHDRAWAL",
}


def _transaction_page(moved: list[dict[str, Any]]) -> dict[str, Any]:
    """A page of Xendit's transaction list, newest first."""
    since, until = (datetime.fromisoformat(request.args[f"created[{edge}]"]) for edge in ("gte", "lte"))
    within = [each for each in reversed(moved) if since <= datetime.fromisoformat(each["at"]) <= until]
    rows = [
        {
            "id": f"txn-{number}",
            "type": _TYPES[each["kind"]],
            "status": "SUCCESS",
            "reference_id": each["external_id"],
            "currency": "IDR",
            "amount": abs(each["amount"]),
            "cashflow": "MONEY_IN" if each["amount"] > 0 else "MONEY_OUT",
            "created": each["at"],
        }
        for number, each in enumerate(within)
    ]
    first = int(request.args["after_id"].removeprefix("txn-")) + 1 if "after_id" in request.args else 0
    size = int(request.args.get("limit", 10))
    return {"has_more": first + size < len(rows), "data": rows[first : first + size], "links": []}


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _answer_errors(controls: Blueprint) -> None:
    @controls.errorhandler(ApiError)
    def refuse(error: ApiError) -> tuple[Response, int]:
        return jsonify(error.body), error.status
