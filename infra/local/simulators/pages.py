"""The simulators' pages: the one where a payer pays, and the latest payments.

The page tells what is asked, how and until when; its buttons decide how it goes.
"""

import base64
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request
from sqlalchemy import Engine
from werkzeug.wrappers import Response as AnyResponse

from infra.local.simulators import payments, qris
from infra.local.simulators.controls import Gateway
from infra.local.simulators.payments import AWAITED, Payment, SimulatedStatus
from infra.local.simulators.settings import SimulatorSettings
from shared.local_time import long_moment
from shared.rupiah import formatted

_LATEST = 50
_BY_ACCOUNT_NUMBER = ("BCA", "BNI", "BRI", "MANDIRI", "PERMATA", "INDOMARET", "ALFAMART")

_STATE_TEXTS = {
    "open": "Menunggu pembayaran",
    "pending": "Menunggu pembayaran",
    "challenged": "Sedang diperiksa",
    "paid": "Lunas",
    "partially_refunded": "Dikembalikan sebagian",
    "refunded": "Dikembalikan",
    "reversed": "Dibatalkan bank",
    "charged_back": "Disanggah pemilik kartu",
    "failed": "Gagal",
    "cancelled": "Dibatalkan",
    "expired": "Kedaluwarsa",
    "closed": "Kedaluwarsa",
}


def payment_pages(gateway: Gateway, engine: Engine, settings: SimulatorSettings) -> Blueprint:
    """The addresses a gateway sends payers to; no key needed, browsers come here."""
    pages = Blueprint(f"{gateway.name}_pages", __name__)

    @pages.get("/", strict_slashes=False)
    def latest() -> str:
        return overview([gateway], engine)

    @pages.get("/web/<reference>")
    @pages.get("/pay/<reference>")
    def by_reference(reference: str) -> str:
        with engine.begin() as tx:
            payment = payments.find(tx, gateway.name, reference) or abort(404)
        return render_template("payment.html", **payment_context(gateway, settings, payment))

    @pages.get("/snap/v4/redirection/<token>")
    def by_token(token: str) -> str:
        with engine.begin() as tx:
            payment = payments.find_by_token(tx, gateway.name, token) or abort(404)
        return render_template("payment.html", **payment_context(gateway, settings, payment))

    @pages.get("/va")
    def by_account() -> AnyResponse | str:
        number = "".join(request.args.get("number", "").split())
        with engine.begin() as tx:
            payment = payments.find_by_account(tx, gateway.name, number) if number else None
        if payment is not None:
            return redirect(gateway.page(payment), 303)
        return render_template("account.html", gateway=gateway.name.capitalize(), number=number)

    @pages.get("/v2/qris/<transaction_id>/qr-code")
    def qr_code(transaction_id: str) -> Response:
        with engine.begin() as tx:
            payment = payments.find_by_transaction(tx, gateway.name, transaction_id)
        if payment is None or payment.qr_string is None:
            abort(404)
        return Response(qris.picture(payment.qr_string), mimetype="image/png")

    return pages


def overview(gateways: list[Gateway], engine: Engine) -> str:
    """The latest payments of these gateways, with links to their pages."""
    with engine.connect() as tx:
        found = [(gateway, each) for gateway in gateways for each in payments.newest(tx, gateway.name, None, _LATEST)]
    found.sort(key=lambda each: each[1].created_at, reverse=True)
    return render_template(
        "overview.html",
        gateways=[(gateway.name.capitalize(), gateway.account_page) for gateway in gateways],
        payments=[
            {
                "gateway": gateway.name.capitalize(),
                "page": gateway.page(payment),
                "amount": formatted(payment.amount),
                "external_id": payment.external_id,
                "state": _STATE_TEXTS[payment.status],
                "created": long_moment(payment.created_at, "Asia/Jakarta"),
            }
            for gateway, payment in found
        ],
    )


def payment_context(gateway: Gateway, settings: SimulatorSettings, payment: Payment) -> dict[str, Any]:
    """The contents of a payment's page."""
    methods = [payment.channel] if payment.channel else payment.methods
    only = methods[0] if len(methods) == 1 else None
    can_be_paid = payment.status in AWAITED
    return {
        "gateway": gateway.name.capitalize(),
        "merchant": settings.merchant_name,
        "payment": payment,
        "state": _STATE_TEXTS[payment.status],
        "can_be_paid": can_be_paid,
        "can_be_chosen": payment.status is SimulatedStatus.OPEN,
        "amount": formatted(payment.amount),
        "pay_before": long_moment(payment.expires_at, "Asia/Jakarta"),
        "methods": methods,
        "account_number": payment.va_number if only in _BY_ACCOUNT_NUMBER else None,
        "biller_code": gateway.biller_codes.get(only or ""),
        "qr_picture": _inline_picture(payment) if only == "QRIS" else None,
        "action": settings.page(f"/{gateway.name}/payments/{payment.reference}"),
        "return_url": None if can_be_paid and payment.channel is None else gateway.return_url(payment),
    }


def _inline_picture(payment: Payment) -> str | None:
    if payment.qr_string is None:
        return None
    return "data:image/png;base64," + base64.b64encode(qris.picture(payment.qr_string)).decode()
