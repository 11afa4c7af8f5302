"""Midtrans's API: QRIS and virtual accounts through Core, every other method through a Snap page; statuses, refunds.

An order id is used for one payment. Asking for it again is safe: Snap revokes the token nobody has
used, and a charge that exists is looked up.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

from shared.gateways.errors import (
    UNKNOWN,
    GatewayMisconfigured,
    GatewayRefused,
    GatewayUnavailable,
    NotSettledYet,
    PayloadUnreadable,
    refusal,
)
from shared.gateways.fields import Fields
from shared.gateways.http import HttpResponse, JsonApi, Timeouts, json_document, read_by
from shared.gateways.midtrans import responses, webhooks
from shared.gateways.midtrans.requests import CHARGED_METHODS, charge_request, snap_request
from shared.gateways.midtrans.responses import GATEWAY
from shared.gateways.statuses import (
    Customer,
    GatewayPaymentState,
    GatewayPaymentStatus,
    GatewayRefundStatus,
    OpenedPayment,
    PaymentMethod,
    WebhookEvent,
)

_ON_PROGRESS = "on progress"
_STILL_RUNNING_SECONDS = 2.0


class Midtrans:
    """One Midtrans account. Safe to share between threads.

    Core and Snap live on two hosts; where `snap_url` is left out, `core_url` serves both.
    """

    def __init__(
        self,
        *,
        core_url: str,
        server_key: str,
        snap_url: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self._server_key = server_key
        self._core_url = core_url.rstrip("/")
        auth = (server_key, "")
        self._core = JsonApi(GATEWAY, core_url, auth, timeouts=timeouts, status_of=responses.effective_status)
        self._snap = JsonApi(GATEWAY, snap_url or core_url, auth, timeouts=timeouts)

    def paused_seconds(self, method: PaymentMethod) -> float:
        """The seconds for which this process opens no payments by a method, as Midtrans is silent; 0 else."""
        return (self._core if method in CHARGED_METHODS else self._snap).paused_seconds

    def open_payment(
        self,
        *,
        order_id: str,
        amount: int,
        method: PaymentMethod,
        expires_at: datetime,
        customer: Customer,
        finish_url: str | None = None,
    ) -> OpenedPayment:
        """Let the buyer pay `amount` rupiah by `method` until `expires_at` (UTC).

        QRIS comes back as a code to show, a bank as an account number, the rest as a page and its token. Where the
        payment of an `order_id` exists already, what can still be told of it comes back: no token, no QR text.
        Raises the errors of `errors`.
        """
        now = datetime.now(UTC)
        if method in CHARGED_METHODS:
            body = charge_request(
                order_id=order_id,
                amount=amount,
                method=method,
                now=now,
                expires_at=expires_at,
                customer=customer,
            )
            return self._charge(order_id, body)
        body = snap_request(
            order_id=order_id,
            amount=amount,
            method=method,
            now=now,
            expires_at=expires_at,
            customer=customer,
            finish_url=finish_url,
        )
        return self._open_page(order_id, body, expires_at)

    def payment_status(self, order_id: str) -> GatewayPaymentStatus:
        """Midtrans's status of the payment of `order_id`; pending while no method is chosen.

        A Snap page that nobody used also stays pending here for ever: the caller's deadline decides.
        """
        response = self._status(order_id)
        if _is_unknown(response):
            return responses.not_started(order_id)
        return responses.read_transaction(_transaction(response), order_id)

    def cancel(self, order_id: str, snap_token: str | None = None) -> GatewayPaymentStatus:
        """Make sure that nobody can pay any more; return the status, which is paid where it is too late for that.

        Closes the Snap page, expires what is pending and cancels what is under review.
        """
        page_closed = snap_token is not None and self._close_page(snap_token)
        response = self._act(order_id, "expire")
        if _is_unknown(response):
            return responses.not_started(
                order_id, GatewayPaymentState.EXPIRED if page_closed else GatewayPaymentState.PENDING
            )
        if response.status != 412:
            return responses.read_transaction(_transaction(response), order_id)
        reported = self.payment_status(order_id)
        if reported.state is GatewayPaymentState.CHALLENGED or reported.raw_status == "authorize":
            response = self._act(order_id, "cancel")
            return (
                self.payment_status(order_id)
                if response.status == 412
                else responses.read_transaction(_transaction(response), order_id)
            )
        return reported

    def refund(self, *, order_id: str, amount: int, refund_key: str, reason: str) -> GatewayRefundStatus:
        """Give `amount` rupiah back. `refund_key` (letters, digits, - and _) makes a repeat safe.

        Virtual accounts and shops can't be refunded (GatewayRefused 412): pay out instead. A card can once its capture
        has settled, within a day: raises NotSettledYet before.
        """
        body = {"refund_key": refund_key, "amount": amount, "reason": reason[:255]}
        reads = read_by(lambda body: responses.read_refund(body, order_id, refund_key, amount))
        path = f"/v2/{_segment(order_id)}/refund"
        response = self._core.call("POST", path, body=body, repeatable=True, reads=reads)
        if response.status == 406:  # not a failure: the key was used, so the list knows it, now or soon
            known = self.refund_status(order_id, refund_key)
            if known is None:
                raise GatewayUnavailable(
                    GATEWAY, "known refund not listed", retry_after_seconds=_STILL_RUNNING_SECONDS, outcome_unknown=True
                )
            return known
        if response.status == 412 and self.payment_status(order_id).raw_status == "capture":
            raise NotSettledYet(GATEWAY)
        if not response.ok:
            raise _core_refusal(response)
        return responses.read_refund(response.body, order_id, refund_key, amount)

    def refund_status(self, order_id: str, refund_key: str) -> GatewayRefundStatus | None:
        """The accepted refund with our key, None where Midtrans has none."""
        return responses.find_refund(_transaction(self._status(order_id)), order_id, refund_key)

    def parse_notification(self, body: bytes) -> WebhookEvent:
        """Check and read a notification. Raises SignatureInvalid, PayloadUnreadable."""
        return webhooks.read_webhook(body, self._server_key)

    def _charge(self, order_id: str, body: Mapping[str, object]) -> OpenedPayment:
        # The key repeats the first answer, QR text included, for five minutes; later, and for Permata, it is 406.
        key = hashlib.sha256(f"charge:{order_id}".encode()).hexdigest()[:40]
        headers = {"Idempotency-Key": key}
        reads = read_by(lambda body: self._readable_charge(body, order_id))
        response = self._core.call("POST", "/v2/charge", body=body, headers=headers, repeatable=True, reads=reads)
        if response.status in (200, 201):
            return _payable(responses.read_charge(response.body, order_id))
        if response.status == 406:
            return _payable(self._known_payment(order_id, response))
        if response.status == 202 and "transaction_status" not in response.body:
            raise GatewayUnavailable(
                GATEWAY, "first try runs", retry_after_seconds=_STILL_RUNNING_SECONDS, outcome_unknown=True
            )
        raise _core_refusal(response)

    @staticmethod
    def _readable_charge(body: object, order_id: str) -> None:
        charge = Fields(GATEWAY, body)
        if charge.lenient_text("status_code") in ("200", "201"):
            _payable(responses.read_charge(body, order_id))
        else:
            charge.text("status_code")

    def _open_page(self, order_id: str, body: Mapping[str, object], expires_at: datetime) -> OpenedPayment:
        reads = read_by(lambda page: responses.read_page(page, order_id, expires_at))
        response = self._snap.call("POST", "/snap/v1/transactions", body=body, repeatable=True, reads=reads)
        if response.ok:
            return responses.read_page(response.body, order_id, expires_at)
        if response.status == 400 and "order_id" in _snap_messages(response):
            return self._known_payment(order_id, response)
        raise _snap_refusal(response)

    def _known_payment(self, order_id: str, refused: HttpResponse) -> OpenedPayment:
        """The response to a payment that was opened before. Raises the refusal if there is no such payment."""
        response = self._status(order_id)
        if _is_unknown(response):
            raise _core_refusal(refused) if "status_code" in (refused.body or {}) else _snap_refusal(refused)
        transaction = Fields(GATEWAY, _transaction(response))
        opened = responses.read_charge(transaction.body, order_id)
        if transaction.text("payment_type") != "qris":
            return opened
        if opened.qr_string or opened.qr_image_url:
            return _payable(opened)
        picture = f"{self._core_url}/v2/qris/{transaction.text('transaction_id')}/qr-code"
        return _payable(OpenedPayment(order_id, qr_image_url=picture, expires_at=opened.expires_at))

    def _close_page(self, snap_token: str) -> bool:
        """Close the page. False once the payer has chosen a method on it."""
        path = f"/snap/v1/transactions/{_segment(snap_token)}/cancel"
        response = self._snap.call("POST", path, repeatable=True, reads=json_document)
        if response.status in (401, 403):
            raise _snap_refusal(response)
        return response.ok or _ON_PROGRESS not in _snap_messages(response).lower()

    def _status(self, order_id: str) -> HttpResponse:
        reads = read_by(lambda body: responses.read_transaction(body, order_id))
        return self._core.call("GET", f"/v2/{_segment(order_id)}/status", repeatable=True, reads=reads)

    def _act(self, order_id: str, action: str) -> HttpResponse:
        reads = read_by(lambda body: responses.read_transaction(body, order_id))
        return self._core.call("POST", f"/v2/{_segment(order_id)}/{action}", repeatable=True, reads=reads)


def _payable(opened: OpenedPayment) -> OpenedPayment:
    """A charge that can be paid: by its code, its account number, or its code's picture. Raises PayloadUnreadable."""
    if opened.qr_string or opened.va_number:
        return opened
    if opened.qr_image_url:
        return replace(opened, redirect_url=opened.qr_image_url)
    raise PayloadUnreadable(GATEWAY, "a charge without a code or an account number")


def _segment(text: str) -> str:
    return quote(text, safe="")


def _is_unknown(response: HttpResponse) -> bool:
    """True if Core doesn't know the order. A 404 without JSON is another host than Core's: our mistake."""
    return response.status == 404 and isinstance(response.body, Mapping)


def _transaction(response: HttpResponse) -> object:
    """The transaction in an answer, whatever the code: 407 is how an expired one is told."""
    if isinstance(response.body, Mapping) and "transaction_status" in response.body:
        return response.body
    raise _core_refusal(response)


def _core_refusal(response: HttpResponse) -> GatewayRefused | GatewayMisconfigured:
    if not isinstance(response.body, Mapping):
        return refusal(GATEWAY, status=response.status, code=UNKNOWN, message="")
    body = response.body
    messages = [str(body.get("status_message") or ""), *map(str, _listed(body, "validation_messages"))]
    return refusal(GATEWAY, status=response.status, code=str(response.status), message="; ".join(messages))


def _snap_refusal(response: HttpResponse) -> GatewayRefused | GatewayMisconfigured:
    return refusal(GATEWAY, status=response.status, code=str(response.status), message=_snap_messages(response))


def _snap_messages(response: HttpResponse) -> str:
    body = response.body if isinstance(response.body, Mapping) else {}
    return "; ".join(map(str, _listed(body, "error_messages")))


def _listed(body: Mapping[str, object], name: str) -> list[object]:
    found = body.get(name)
    return found if isinstance(found, list) else []
