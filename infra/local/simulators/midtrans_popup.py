"""Snap's popup: the script for merchants' pages, and the payment page that it opens over theirs.

The page tells the script what became of the payment: `pending` once a method is chosen, `success` or `error` once
it is decided, `closed` by its button. As published: the fields of the results, and the error 406 of a payment that
was decided before. Guessed: the codes of the other errors, and that a wrong client key opens no page.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, render_template, request, send_file
from sqlalchemy import Connection, Engine

from infra.local.simulators import midtrans_documents as documents
from infra.local.simulators import pages, payments
from infra.local.simulators.midtrans import UNCHOSEN, Midtrans
from infra.local.simulators.payments import AWAITED, HOLDS_MONEY, Payment, SimulatedStatus
from infra.local.simulators.settings import SimulatorSettings

SCRIPT = Path(__file__).parent / "static" / "snap.js"
_MAX_CACHED_SECONDS = 300


def popup_pages(simulator: Midtrans, engine: Engine, settings: SimulatorSettings) -> Blueprint:
    """`snap.js`, and the page in its frame."""
    popup = Blueprint("midtrans_popup", __name__)

    @popup.get("/snap/snap.js")
    def script() -> Response:
        return send_file(SCRIPT, mimetype="text/javascript", max_age=_MAX_CACHED_SECONDS)

    @popup.get("/snap/v4/popup/<token>")
    def page(token: str) -> str | tuple[str, int]:
        with engine.begin() as tx:
            payment = payments.find_by_token(tx, simulator.name, token)
            key = settings.midtrans_client_key
            if payment is None or (key and request.args.get("client_key") != key):
                return render_template("popup_error.html", parent=_parent()), 404
            message = _message(tx, simulator, payment, is_first_look="after" not in request.args)
        context = pages.payment_context(simulator, settings, payment)
        again = urlencode({**request.args, "after": "1"})
        back = settings.page(f"/midtrans/snap/v4/popup/{token}?{again}")
        return render_template("payment.html", **context, message=message, parent=_parent(), back=back)

    return popup


def _message(tx: Connection, simulator: Midtrans, payment: Payment, *, is_first_look: bool) -> dict[str, Any] | None:
    """The result that the script is told; None while no method is chosen."""
    if payment.status is SimulatedStatus.OPEN:
        return None
    if payment.status not in AWAITED and is_first_look:
        return {"outcome": "error", "result": _error("406", "transaction has been processed")}
    if payment.status in UNCHOSEN:
        return {"outcome": "error", "result": _error("407", "transaction has expired")}
    code = documents.notification_code(payment)
    result = documents.transaction(payment, payments.refunds_of(tx, payment), code=code) | {
        "pdf_url": None,
        "finish_redirect_url": simulator.return_url(payment),
    }
    if payment.status in AWAITED:
        return {"outcome": "pending", "result": result | {"status_message": "Transaksi sedang diproses"}}
    outcome = "success" if payment.status in HOLDS_MONEY else "error"
    return {"outcome": outcome, "result": result}


def _error(code: str, message: str) -> dict[str, Any]:
    return {"status_code": code, "status_message": [message]}


def _parent() -> str:
    """The origin that may hear the results: that of the page which has opened the popup."""
    return request.args.get("parent") or "*"
