"""Xendit's API: invoices, refunds, payouts, and checks of bank accounts.

Invoices have no idempotency key and `external_id` is not unique, so an invoice whose fate is unknown
is looked up before it is created again. Refunds and payouts carry a key and may be repeated.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

from shared.gateways.errors import UNKNOWN, GatewayRefused, GatewayUnavailable, refusal
from shared.gateways.fields import Fields
from shared.gateways.http import HttpResponse, JsonApi, Timeouts, read_by
from shared.gateways.statuses import (
    AccountName,
    Customer,
    GatewayPaymentState,
    GatewayPaymentStatus,
    GatewayRefundState,
    GatewayRefundStatus,
    GatewayTransferStatus,
    Movement,
    OpenedPayment,
    PaymentMethod,
    WebhookEvent,
)
from shared.gateways.xendit import responses, webhooks
from shared.gateways.xendit.requests import BANKS, invoice_request, payout_request, refund_request
from shared.gateways.xendit.responses import GATEWAY

_Read = TypeVar("_Read")

_INVOICES_A_PAGE = 100
_REFUND_PAGES = 50
_REFUNDS_A_PAGE = 100
_LISTED_AFTER_SECONDS = 60.0
_TRANSACTIONS_A_PAGE = 50


class Xendit:
    """One Xendit account. Safe to share between threads.

    `iluma_url` and `iluma_api_key` reach the bank-account name check, a contract of its own; where
    they are left out, the main address and key are used.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        callback_token: str,
        *,
        iluma_url: str | None = None,
        iluma_api_key: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self._callback_token = callback_token
        self._api = JsonApi(GATEWAY, base_url, (api_key, ""), timeouts=timeouts)
        self._iluma = JsonApi("iluma", iluma_url or base_url, (iluma_api_key or api_key, ""), timeouts=timeouts)

    @property
    def paused_seconds(self) -> float:
        """The seconds for which this process asks Xendit nothing, as it has not answered; 0 where it does."""
        return self._api.paused_seconds

    # Invoices

    def open_invoice(
        self,
        *,
        external_id: str,
        amount: int,
        description: str,
        duration_seconds: int,
        method: PaymentMethod,
        customer: Customer,
        success_url: str | None = None,
        failure_url: str | None = None,
        resume: bool = False,
    ) -> OpenedPayment:
        """Open an invoice of `amount` rupiah that can be paid for `duration_seconds`.

        Say `resume` where an earlier call with this `external_id` may have reached Xendit: an open or
        paid invoice of the same id and amount is then used instead of a second one. The same look-up
        happens by itself after a time-out. Raises the errors of `errors`.
        """

        def existing() -> HttpResponse | None:
            return self._usable_invoice(external_id, amount)

        response = existing() if resume else None
        if response is None:
            body = invoice_request(
                external_id=external_id,
                amount=amount,
                description=description,
                duration_seconds=duration_seconds,
                method=method,
                customer=customer,
                redirects={"success_redirect_url": success_url, "failure_redirect_url": failure_url},
            )
            response = self._api.call(
                "POST",
                "/v2/invoices",
                body=body,
                repeatable=False,
                recover=existing,
                reads=read_by(responses.read_opened_invoice),
            )
        return responses.read_opened_invoice(_accepted(response))

    def payment_status(self, gateway_reference: str) -> GatewayPaymentStatus:
        """Xendit's status of an invoice; GatewayRefused with INVOICE_NOT_FOUND_ERROR where there is none."""
        path = f"/v2/invoices/{quote(gateway_reference, safe='')}"
        return self._get(path, responses.read_invoice)

    def payment_statuses(self, external_id: str) -> list[GatewayPaymentStatus]:
        """Xendit's status of every invoice with our `external_id`: first those paid, then those that can be."""
        invoices = [responses.read_invoice(invoice) for invoice in self._invoices_of(external_id)]
        return sorted(invoices, key=_usefulness, reverse=True)

    def invoices_created(self, since: datetime, until: datetime) -> Iterator[GatewayPaymentStatus]:
        """Every invoice of our account that was created between two moments, page by page."""
        query = {
            "created_after": since.isoformat(),
            "created_before": until.isoformat(),
            "limit": str(_INVOICES_A_PAGE),
        }
        while True:
            page = [responses.read_invoice(invoice) for invoice in self._invoices(query)]
            yield from page
            if len(page) < _INVOICES_A_PAGE:
                return
            query["last_invoice"] = page[-1].gateway_reference

    def expire_invoice(self, gateway_reference: str) -> GatewayPaymentStatus:
        """Make sure that nobody can pay the invoice any more; return its status, which is paid where it is too late."""
        path = f"/invoices/{quote(gateway_reference, safe='')}/expire!"
        response = self._api.call("POST", path, repeatable=True, reads=read_by(responses.read_invoice))
        if 400 <= response.status < 500 and response.status not in (401, 403):
            return self.payment_status(gateway_reference)
        return responses.read_invoice(_accepted(response))

    def _usable_invoice(self, external_id: str, amount: int) -> HttpResponse | None:
        usable = [
            invoice
            for invoice in self._invoices_of(external_id)
            if _usefulness(reported := responses.read_invoice(invoice)) > 0 and reported.amount == amount
        ]
        if not usable:
            return None
        return HttpResponse(200, {}, max(usable, key=lambda invoice: _usefulness(responses.read_invoice(invoice))))

    def _invoices_of(self, external_id: str) -> list[Any]:
        return self._invoices({"external_id": external_id})

    def _invoices(self, query: Mapping[str, str]) -> list[Any]:
        return self._get("/v2/invoices", responses.list_of(responses.read_invoice), query)

    # Refunds

    def refund(
        self, *, invoice_id: str, amount: int, reference_id: str, idempotency_key: str, reason: str
    ) -> GatewayRefundStatus:
        """Give `amount` rupiah of a paid invoice back to where they came from.

        Virtual accounts and retail outlets cannot be refunded (GatewayRefused): pay out instead.
        A reference that Xendit already knows answers with that refund.
        """
        response = self._api.call(
            "POST",
            "/refunds",
            body=refund_request(invoice_id=invoice_id, amount=amount, reference_id=reference_id, reason=reason),
            headers={"idempotency-key": idempotency_key},
            repeatable=True,
            reads=read_by(responses.read_refund),
        )
        if response.status != 409:
            return responses.read_refund(_accepted(response))
        known = next((refund for refund in self._refunds(invoice_id) if refund.reference == reference_id), None)
        if known is None:
            raise _not_listed("refund")
        return known

    def refund_status(self, refund_id: str) -> GatewayRefundStatus:
        """Xendit's status of a refund (`rfd-...`)."""
        path = f"/refunds/{quote(refund_id, safe='')}"
        return self._get(path, responses.read_refund)

    def refunded_amount(self, invoice_id: str) -> int:
        """Rupiah of an invoice that have been, or are being, given back."""
        refunds = [refund for refund in self._refunds(invoice_id) if refund.payment_reference == invoice_id]
        return sum(refund.amount for refund in refunds if refund.state is not GatewayRefundState.FAILED)

    def with_refunds(self, gateway_reference: str) -> GatewayPaymentStatus:
        """Xendit's status of an invoice, and what has gone back of it: an invoice alone does not show that."""
        reported = self.payment_status(gateway_reference)
        by_key: dict[str, int] = {}
        for refund in self._refunds(gateway_reference):
            if refund.payment_reference == gateway_reference and refund.state is GatewayRefundState.SUCCEEDED:
                key = refund.reference or refund.gateway_reference
                by_key[key] = by_key.get(key, 0) + refund.amount
        total = sum(by_key.values())
        if not total or reported.paid_amount is None:
            return reported
        is_whole = total >= reported.paid_amount
        state = GatewayPaymentState.REFUNDED if is_whole else GatewayPaymentState.PARTIALLY_REFUNDED
        return replace(reported, state=state, refunded_amount=total, refunded_by_key=by_key)

    def refunds_created(self, since: datetime) -> Iterator[GatewayRefundStatus]:
        """Every refund of our account since a moment, newest first."""
        for refund in self._refunds(None):
            if refund.created is not None and refund.created < since:
                return
            yield refund

    def _refunds(self, invoice_id: str | None) -> Iterator[GatewayRefundStatus]:
        """The refunds of an invoice or of all, newest first; those of others too where Xendit ignores which we want.

        Whoever reads the list of all ends it. Raises GatewayUnavailable where that of an invoice is too long to be read
        to its end, or where a page comes again.
        """
        query = ({"invoice_id": invoice_id} if invoice_id else {}) | {"limit": str(_REFUNDS_A_PAGE)}
        for _ in range(_REFUND_PAGES) if invoice_id else itertools.count():
            page = self._get("/refunds", _page, query)
            refunds = [responses.read_refund(entry.body) for entry in page.objects("data")]
            yield from refunds
            if not refunds or page.body.get("has_more") is not True:
                return
            if query.get("after_id") == refunds[-1].gateway_reference:
                break
            query["after_id"] = refunds[-1].gateway_reference
        raise GatewayUnavailable(
            GATEWAY, "too many refunds", retry_after_seconds=_LISTED_AFTER_SECONDS, outcome_unknown=True
        )

    # Payouts

    def send_payout(
        self,
        *,
        reference_id: str,
        idempotency_key: str,
        bank_code: str,
        account_number: str,
        account_holder_name: str,
        amount: int,
        description: str,
    ) -> GatewayTransferStatus:
        """Send `amount` rupiah to a bank account (`bank_code` of BANKS).

        After an unknown outcome repeat with the same key; after a failure use a new one, since the
        old key answers with the old failure. Too little balance shows later, as FAILED. That Xendit knows the
        key already is no refusal: what it knows is the answer.
        """
        bank = BANKS.get(bank_code)
        if bank is None:
            raise GatewayRefused(GATEWAY, status=400, code="CHANNEL_CODE_NOT_SUPPORTED")
        response = self._api.call(
            "POST",
            "/v2/payouts",
            body=payout_request(
                reference_id=reference_id,
                bank=bank,
                account_number=account_number,
                account_holder_name=account_holder_name,
                amount=amount,
                description=description,
            ),
            headers={"Idempotency-key": idempotency_key},
            repeatable=True,
            reads=read_by(responses.read_payout),
        )
        if response.status != 409:
            return responses.read_payout(_accepted(response))
        known = self.payout_status(reference_id=reference_id)
        if known is None:
            raise _not_listed("payout")
        return known if known.amount == amount else responses.read_payout(_accepted(response))

    def payout_status(
        self, payout_id: str | None = None, *, reference_id: str | None = None
    ) -> GatewayTransferStatus | None:
        """Xendit's status of a payout, by its id or else of the newest one with our reference.

        None where no payout has that reference.
        """
        if payout_id is not None:
            path = f"/v2/payouts/{quote(payout_id, safe='')}"
            return self._get(path, responses.read_payout)
        payouts = self._get("/v2/payouts", responses.read_payouts, {"reference_id": reference_id or ""})
        newest = max(payouts, key=lambda payout: payout.optional_text("created") or "", default=None)
        return None if newest is None else responses.read_payout(newest.body)

    # Movements

    def movements(self, since: datetime, until: datetime) -> list[Movement]:
        """Every movement of money on our account between two moments, in no order.

        By `GET /transactions`, newest first, page by page.
        """
        query = {
            "limit": str(_TRANSACTIONS_A_PAGE),
            "created[gte]": since.isoformat(),
            "created[lte]": until.isoformat(),
        }
        found: list[Movement] = []
        while True:
            page = self._get("/transactions", _page, query)
            rows = page.objects("data")
            found += [movement for row in rows if (movement := responses.read_movement(row))]
            if page.body.get("has_more") is not True or not rows:
                return found
            query["after_id"] = rows[-1].text("id")

    # Owners of bank accounts

    def check_account(
        self, *, bank_code: str, account_number: str, reference_id: str, holder_name: str | None = None
    ) -> AccountName:
        """Ask the bank for the owner's name; PENDING answers are asked again with `account_name`.

        `holder_name` is who we believe it is: later versions of the check compare it themselves.
        """
        response = self._iluma.call(
            "POST",
            "/v1.1/identity/bank_account_data_requests",
            body={
                "bank_account_number": account_number,
                "bank_code": bank_code,
                "reference_id": reference_id,
                **({"given_name": holder_name} if holder_name else {}),
            },
            repeatable=True,  # a second request costs a fee and changes nothing
            reads=read_by(responses.read_account_name),
        )
        return responses.read_account_name(_accepted(response))

    def account_name(self, request_id: str) -> AccountName:
        """The result of `check_account`."""
        path = f"/v1.1/identity/bank_account_data_requests/{quote(request_id, safe='')}"
        response = self._iluma.call("GET", path, repeatable=True, reads=read_by(responses.read_account_name))
        return responses.read_account_name(_accepted(response))

    def _get(self, path: str, read: Callable[[object], _Read], query: Mapping[str, str] | None = None) -> _Read:
        response = self._api.call("GET", path, query=query, repeatable=True, reads=read_by(read))
        return read(_accepted(response))

    # Webhooks

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        """Check and read a webhook. Raises SignatureInvalid, PayloadUnreadable."""
        return webhooks.read_webhook(headers, body, self._callback_token)


def _page(body: object) -> Fields:
    """A page of a list. Raises PayloadUnreadable."""
    page = Fields(GATEWAY, body)
    page.objects("data")
    return page


def _accepted(response: HttpResponse) -> Any:
    if response.ok:
        return response.body
    error = response.body if isinstance(response.body, Mapping) else {}
    raise refusal(
        GATEWAY,
        status=response.status,
        code=str(error.get("error_code") or UNKNOWN)[:100],
        message=str(error.get("message") or ""),
    )


def _not_listed(what: str) -> GatewayUnavailable:
    return GatewayUnavailable(
        GATEWAY, f"known {what} not listed", retry_after_seconds=_LISTED_AFTER_SECONDS, outcome_unknown=True
    )


_USEFULNESS = {GatewayPaymentState.PAID: 2, GatewayPaymentState.PENDING: 1}


def _usefulness(reported: GatewayPaymentStatus) -> int:
    return _USEFULNESS.get(reported.state, 0)
