"""Sending owed money back to buyers (PS-017): through the gateway it came by, else to their bank account.

The row comes first and its id is the gateway's key, so that a repeat after a crash can't pay twice. A
virtual account can't be refunded by any gateway, and a gateway may refuse others; then the buyer's bank
account is used, waited for while it may not be used yet, and asked for where there is none. But a gateway
also refuses what somebody has given back at its dashboard: where more has gone back through it than we
know of, a person decides.

The buyer's row is locked first, as by whoever sets or verifies a bank account: whichever comes second sees what the
first has left, and starts the transfer.
"""

import logging
from collections.abc import Callable, Mapping
from uuid import UUID

from shared.cloud import manual_tasks
from shared.cloud.database import Transaction, transaction
from shared.gateways import accounts
from shared.gateways.errors import GatewayRefused, GatewayUnavailable
from shared.gateways.facts import PayoutFact, RefundFact, RefundState
from shared.identity import people
from shared.messages import mails
from shared.money import bank_accounts, dashboard_refunds, disbursements, payouts, refunds
from shared.money.disbursements import Transfer
from shared.money.refunds import Refund
from shared.payments import whole_refunds
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
    return _send_transfer(transfer) if transfer else _through_gateway(refund, _SEND)


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
    return _through_gateway(refund, _ASK)


def book_transfer(transfer: Transfer, fact: PayoutFact) -> str:
    """Book what the bank did with a transfer that pays a refund; return the refund's status."""
    with transaction() as tx:
        refund = _lock(tx, transfer.debt_id)
        changed = disbursements.apply(tx, transfer.id, fact)
        if changed is None:
            return refund.status
        if changed.status == "succeeded":
            refunds.complete_by_transfer(tx, refund)
            whole_refunds.finish(tx, refund.order_id)
        else:
            _failed(tx, refund, changed)
        return refunds.read(tx, refund.id).status


def _begin(refund_id: UUID) -> tuple[Refund, Transfer | None]:
    """Decide the way, and write down that it is taken."""
    with transaction() as tx:
        dashboard_refunds.pay_debts(tx, _lock(tx, refund_id).payment_id)
        refund = refunds.read(tx, refund_id)
        if refund.status not in refunds.OPEN:
            whole_refunds.finish(tx, refund.order_id)
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
    if refund.amount < payouts.LEAST_AMOUNT:
        refunds.turn_to_disbursement(tx, refund, last.failure if last else None)
        _ask_a_person(tx, refund)
        return None
    account = bank_accounts.current(tx, refund.user_id)
    if account is None or account.status != "verified":
        refunds.turn_to_disbursement(tx, refund, last.failure if last else None)
        _ask_for_account(tx, refund)
        return None
    if not account.is_usable:  # reconcile sends it once the wait is over, whoever unfreezes it at once
        refunds.turn_to_disbursement(tx, refund, last.failure if last else None)
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
        _ask_a_person(tx, refund)


def _ask_a_person(tx: Transaction, refund: Refund) -> None:
    manual_tasks.add(tx, "refund_by_hand", subject="refund", subject_id=refund.id, amount=refund.amount)


def _send_transfer(transfer: Transfer) -> str:
    with transaction() as tx:
        account = disbursements.account_of(tx, transfer)
    return book_transfer(transfer, disbursements.send(transfer, account))


def _through_gateway(refund: Refund, calls: Mapping[str, Callable[[Refund], RefundFact]]) -> str:
    if refund.status != "processing" or refund.method != "gateway":
        return refund.status
    try:
        fact = calls[refund.gateway](refund)
    except GatewayRefused as refused:
        if refused.code in _NOT_NOW:
            raise GatewayUnavailable(
                refund.gateway, refused.code, retry_after_seconds=60, outcome_unknown=False
            ) from refused
        return _another_way(refund, refused.code)
    return _book(refund, fact)


def _book(refund: Refund, fact: RefundFact) -> str:
    with transaction() as tx:
        now = _lock(tx, refund.id)
        state = refunds.apply(tx, now, fact) if now.status != "completed" else RefundState.SUCCEEDED
        whole_refunds.finish(tx, now.order_id)
    if state is RefundState.FAILED:
        return _another_way(refund, fact.failure_code or fact.raw_status)
    with transaction() as tx:
        return refunds.read(tx, refund.id).status


def _another_way(refund: Refund, failure: str) -> str:
    """What the gateway does not send goes by transfer, unless it has sent it already."""
    log.warning("refund.refused", extra={"refund_id": str(refund.id), "failure": failure})
    given_back = _GIVEN_BACK[refund.gateway](refund)
    with transaction() as tx:
        now = _lock(tx, refund.id)
        if now.status != "processing" or now.method != "gateway":
            return now.status
        dashboard_refunds.pay_debt(tx, now)
        whole_refunds.finish(tx, now.order_id)
        now = refunds.read(tx, refund.id)
        if now.status == "completed":
            return now.status
        others = [each for each in refunds.sent_of(tx, refund.payment_id) if each.id != refund.id]
        known = sum(each.amount for each in others if each.has_left)
        if given_back > known or refunds.are_too_many(tx, refund.order_id):
            refunds.fail(tx, now, failure)
            details = {"failure": failure, "amount": refund.amount, "given_back": given_back, "known": known}
            manual_tasks.add(tx, "refund_disputed", subject="refund", subject_id=refund.id, **details)
            return "failed"
        refunds.turn_to_disbursement(tx, now, failure)
    return pay_back(refund.id)


def _failed(tx: Transaction, refund: Refund, transfer: Transfer) -> None:
    failure = transfer.failure or transfer.status
    refunds.fail(tx, refund, failure)
    account = bank_accounts.current(tx, refund.user_id)
    if account and account.status == "verified" and account.id != transfer.bank_account_id:
        refunds.reopen(tx, refund)  # the account was set while this transfer was on its way
        return
    manual_tasks.add(tx, "refund_failed", subject="refund", subject_id=refund.id, failure=failure, amount=refund.amount)
    mails.ask_about_order(
        tx,
        "refund_account_needed",
        refund.order_id,
        once_key=f"refund_failed:{refund.id}:{failure}",
        context={"refund_id": refund.id},
    )


def _lock(tx: Transaction, refund_id: UUID) -> Refund:
    """A refund under the locks of its buyer and its order, in this order."""
    refund = refunds.read(tx, refund_id)
    people.lock(tx, refund.user_id)
    orders.lock(tx, refund.order_id)
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


def _asked_of_xendit(refund: Refund) -> RefundFact:
    if refund.gateway_refund_id:
        return accounts.xendit().refund_fact(refund.gateway_refund_id)
    return _by_xendit(refund)  # the answer was lost: the same key gives it again


def _asked_of_midtrans(refund: Refund) -> RefundFact:
    return accounts.midtrans().refund_fact(refund.external_id, str(refund.id)) or _by_midtrans(refund)


_ASK: dict[str, Callable[[Refund], RefundFact]] = {"xendit": _asked_of_xendit, "midtrans": _asked_of_midtrans}
_GIVEN_BACK: dict[str, Callable[[Refund], int]] = {
    "xendit": lambda refund: accounts.xendit().given_back(refund.gateway_reference or ""),
    "midtrans": lambda refund: accounts.midtrans().fact(refund.external_id).refunded_amount,
}
"""Rupiah of a refund's payment that have gone back through its gateway, whoever had it done."""
