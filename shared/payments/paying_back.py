"""Sending owed money back to buyers (PS-017): through the gateway it came by, else to their bank account.

The row comes first and its id is the gateway's key, so that a repeat after a crash can't pay twice. A
virtual account can't be refunded by any gateway, and a gateway may refuse others; then the buyer's bank
account is used, and asked for where there is none.
"""

import logging
from collections.abc import Callable
from uuid import UUID

from shared.cloud import manual_tasks
from shared.cloud.database import Transaction, transaction
from shared.gateways import accounts
from shared.gateways.errors import GatewayRefused, GatewayUnavailable
from shared.gateways.facts import PayoutFact, RefundFact, RefundState
from shared.identity import people
from shared.messages import mails
from shared.money import bank_accounts, disbursements, refunds
from shared.money.disbursements import Transfer
from shared.money.refunds import Refund
from shared.sales import orders

log = logging.getLogger(__name__)

_NO_WAY_BACK = frozenset(
    {
        *("BCA", "MANDIRI", "BNI", "BRI", "PERMATA", "CIMB", "BSI", "BJB", "SAHABAT_SAMPOERNA"),
        *("ECHANNEL", "BANK_TRANSFER", "ALFAMART", "INDOMARET", "CSTORE"),
    }
)
_NOT_NOW = frozenset({"INSUFFICIENT_BALANCE", "TEMPORARILY_UNAVAILABLE", "REFUND_IN_PROGRESS", "CHANNEL_UNAVAILABLE"})
_XENDIT_REASONS = {
    "requested": "REQUESTED_BY_CUSTOMER",
    "cancellation": "CANCELLATION",
    "unusable_payment": "DUPLICATE",
}


def pay_back(refund_id: UUID) -> str:
    """Send an approved refund, or go on with one that was cut off; return its status afterwards. Safe to repeat.

    Raises GatewayUnavailable where the gateway gave no answer: call again.
    """
    refund, transfer = _begin(refund_id)
    if transfer:
        return _send_transfer(transfer)
    if refund.status != "processing" or refund.method != "gateway":
        return refund.status
    try:
        fact = _SEND[refund.gateway](refund)
    except GatewayRefused as refused:
        if refused.code in _NOT_NOW:
            raise GatewayUnavailable(
                refund.gateway, refused.code, retry_after_seconds=60, outcome_unknown=False
            ) from refused
        return _turn_to_disbursement(refund_id, refused.code)
    return _book(refund_id, fact)


def ask_about(refund_id: UUID) -> str:
    """Ask what became of a refund that is on its way, and book it; return its status.

    Raises GatewayUnavailable where the gateway gave no answer: call again.
    """
    with transaction() as tx:
        refund = refunds.read(tx, refund_id)
        transfer = disbursements.newest(tx, refund_id)
    if transfer and transfer.status in ("sending", "succeeded"):
        fact = disbursements.ask(transfer)
        return book_transfer(transfer, fact) if fact else refund.status
    if refund.status != "processing" or refund.method != "gateway":
        return refund.status
    refund_fact = _ASK[refund.gateway](refund)
    return _book(refund_id, refund_fact) if refund_fact else refund.status


def book_transfer(transfer: Transfer, fact: PayoutFact) -> str:
    """Book what the bank did with a transfer that pays a refund; return the refund's status."""
    with transaction() as tx:
        refund = _lock(tx, transfer.debt_id)
        changed = disbursements.apply(tx, transfer.id, fact)
        if changed is None:
            return refund.status
        if changed.status == "succeeded":
            refunds.complete_by_transfer(tx, refund)
        else:
            _failed(tx, refund, changed.failure or changed.status)
        return refunds.read(tx, refund.id).status


def _begin(refund_id: UUID) -> tuple[Refund, Transfer | None]:
    """Decide the way, and write down that it is taken."""
    with transaction() as tx:
        refund = _lock(tx, refund_id)
        if refund.status not in refunds.OPEN:
            return refund, None
        if refund.method == "disbursement" or not _goes_back(refund):
            return refund, _begin_transfer(tx, refund)
        refunds.mark_sending(tx, refund, "gateway")
        return refunds.read(tx, refund_id), None


def _begin_transfer(tx: Transaction, refund: Refund) -> Transfer | None:
    """The transfer to send for a refund; None where there is no account to send it to yet."""
    last = disbursements.newest(tx, refund.id)
    if last and last.status in ("sending", "succeeded"):
        return last
    account = bank_accounts.current(tx, refund.user_id)
    if account is None or account.status != "verified":
        refunds.turn_to_disbursement(tx, refund, last.failure if last else None)
        _ask_for_account(tx, refund)
        return None
    refunds.mark_sending(tx, refund, "disbursement")
    return disbursements.read(tx, disbursements.begin(tx, account, refund.amount, refund_id=refund.id))


def _ask_for_account(tx: Transaction, refund: Refund) -> None:
    if people.get(tx, refund.user_id):
        key = f"refund_account_needed:{refund.id}"
        mails.ask_about_order(
            tx, "refund_account_needed", refund.order_id, once_key=key, context={"refund_id": refund.id}
        )
    else:  # nobody to ask any more
        manual_tasks.add(tx, "refund_by_hand", subject="refund", subject_id=refund.id, amount=refund.amount)


def _send_transfer(transfer: Transfer) -> str:
    with transaction() as tx:
        account = disbursements.account_of(tx, transfer)
    return book_transfer(transfer, disbursements.send(transfer, account))


def _book(refund_id: UUID, fact: RefundFact) -> str:
    with transaction() as tx:
        refund = _lock(tx, refund_id)
        state = refunds.apply(tx, refund, fact) if refund.status != "completed" else RefundState.SUCCEEDED
    if state is RefundState.FAILED:
        return _turn_to_disbursement(refund_id, fact.failure_code or fact.raw_status)
    with transaction() as tx:
        return refunds.read(tx, refund_id).status


def _turn_to_disbursement(refund_id: UUID, failure: str) -> str:
    with transaction() as tx:
        refund = _lock(tx, refund_id)
        if refund.status == "processing" and refund.method == "gateway":
            log.warning("refund.refused", extra={"refund_id": str(refund_id), "failure": failure})
            refunds.turn_to_disbursement(tx, refund, failure)
    return pay_back(refund_id)


def _failed(tx: Transaction, refund: Refund, failure: str) -> None:
    refunds.fail(tx, refund, failure)
    manual_tasks.add(tx, "refund_failed", subject="refund", subject_id=refund.id, failure=failure, amount=refund.amount)
    mails.ask_about_order(
        tx,
        "refund_account_needed",
        refund.order_id,
        once_key=f"refund_failed:{refund.id}:{failure}",
        context={"refund_id": refund.id},
    )


def _lock(tx: Transaction, refund_id: UUID) -> Refund:
    """A refund under its order's lock, which comes first."""
    orders.lock(tx, refunds.read(tx, refund_id).order_id)
    return refunds.read(tx, refund_id)


def _goes_back(refund: Refund) -> bool:
    """Whether the gateway can send it back by itself: no gateway can for virtual accounts and shops."""
    channel = refund.channel.upper().removesuffix("_VA")
    return refund.gateway in _SEND and channel not in _NO_WAY_BACK


def _by_xendit(refund: Refund) -> RefundFact:
    return accounts.xendit().refund(
        invoice_id=refund.gateway_reference or "",
        amount=refund.amount,
        reference_id=str(refund.id),
        idempotency_key=str(refund.id),
        reason=_XENDIT_REASONS.get(refund.kind, "OTHERS"),
    )


def _by_midtrans(refund: Refund) -> RefundFact:
    return accounts.midtrans().refund(
        order_id=refund.external_id, amount=refund.amount, refund_key=str(refund.id), reason=refund.reason[:255]
    )


_SEND: dict[str, Callable[[Refund], RefundFact]] = {"xendit": _by_xendit, "midtrans": _by_midtrans}


def _asked_of_xendit(refund: Refund) -> RefundFact | None:
    if refund.gateway_refund_id:
        return accounts.xendit().refund_fact(refund.gateway_refund_id)
    return _by_xendit(refund)  # the answer was lost: the same key gives it again


def _asked_of_midtrans(refund: Refund) -> RefundFact | None:
    return accounts.midtrans().refund_fact(refund.external_id, str(refund.id)) or _by_midtrans(refund)


_ASK: dict[str, Callable[[Refund], RefundFact | None]] = {
    "xendit": _asked_of_xendit,
    "midtrans": _asked_of_midtrans,
}
