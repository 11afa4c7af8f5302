"""Refund execution (PS-017): through the gateway by which the money came, else to the buyer's bank account.

The row is written first and its id is the idempotency key at the gateway, so that a repeat after a crash can't pay
twice. No gateway refunds payments by virtual account, and a gateway may refuse others; such a refund goes to the
buyer's bank account. It waits while that account may not be used yet, and the buyer is asked for one if there is none.
But a gateway also refuses what somebody has refunded at its dashboard: if more has gone back through it than we know
of, a person decides.

The buyer's row is locked first, as it is for changes of a bank account: whichever comes second sees what the first has
done, and starts the transfer.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from sqlalchemy import text

from shared.accounting import ledger
from shared.cloud import manual_tasks
from shared.cloud.database import Transaction, transaction
from shared.gateways import registry
from shared.gateways.errors import GatewayRefused, NotSettledYet
from shared.gateways.protocol import Gateway
from shared.gateways.registry import NO_GATEWAY
from shared.gateways.statuses import GatewayRefundState, GatewayRefundStatus, GatewayTransferStatus
from shared.identity import people
from shared.messages import mails
from shared.payouts import bank_accounts, transfers
from shared.payouts import records as payout_records
from shared.payouts.transfers import Transfer
from shared.refunds import dashboard as dashboard_refunds
from shared.refunds import full_refunds
from shared.refunds import records as refund_records
from shared.refunds.records import Refund
from shared.sales import orders
from shared.states import BankAccountStatus, RefundMethod, RefundStatus, TransferStatus

log = logging.getLogger(__name__)

_SENDING = text("""
    UPDATE refunds SET status = 'processing', method = :method, failure = NULL, sent_at = COALESCE(sent_at, now()),
        updated_at = now()
    WHERE id = :id
""")


def execute(refund_id: UUID) -> str:
    """Send an approved refund, or go on with one that was cut off; return its status afterwards. Safe to repeat.

    Raises GatewayUnavailable where the gateway gave no answer: call again.
    """
    refund, transfer = _begin(refund_id)
    if transfer:
        return _send_transfer(transfer)
    return _through_gateway(refund, lambda gateway: gateway.refund(refund))


def sync(refund_id: UUID) -> str:
    """Ask the gateway for the status of a refund that is on its way, and book it; return it.

    Raises GatewayUnavailable where the gateway gave no answer: call again.
    """
    with transaction() as tx:
        refund = refund_records.read(tx, refund_id)
        transfer = transfers.newest(tx, refund_id)
    if transfer and transfer.status in (TransferStatus.SENDING, TransferStatus.SUCCEEDED):
        reported = transfers.query(transfer)
        return record_transfer(transfer, reported) if reported else refund.status
    return _through_gateway(refund, lambda gateway: gateway.refund_status(refund))


def record_transfer(transfer: Transfer, reported: GatewayTransferStatus) -> str:
    """Book the outcome of a transfer that pays a refund; return the refund's status."""
    with transaction() as tx:
        refund = _lock(tx, transfer.debt_id)
        changed = transfers.apply(tx, transfer.id, reported)
        if changed is None:
            return refund.status
        if changed.status == TransferStatus.SUCCEEDED:
            refund_records.complete_by_transfer(tx, refund)
            full_refunds.close_if_fully_refunded(tx, refund.order_id)
        else:
            _failed(tx, refund, changed)
        return refund_records.read(tx, refund.id).status


def _begin(refund_id: UUID) -> tuple[Refund, Transfer | None]:
    """Lock a refund and record how it is sent: through its gateway, or by the transfer returned with it."""
    with transaction() as tx:
        refund = _offset(tx, _lock(tx, refund_id))
        if refund.status not in refund_records.OPEN:
            return refund, None
        if refund.method == RefundMethod.TRANSFER or not _can_go_through_gateway(refund):
            return refund, _begin_transfer(tx, refund)
        _mark_sending(tx, refund, RefundMethod.GATEWAY)
        return replace(refund, status=RefundStatus.PROCESSING, method=RefundMethod.GATEWAY), None


def _offset(tx: Transaction, refund: Refund) -> Refund:
    """Offset the owed refunds of a payment against its money in suspense, if there is any; the refund afterwards."""
    if not ledger.suspense_amount(tx, refund.order_id):
        return refund
    dashboard_refunds.offset_owed_refunds(tx, refund.payment_id)
    now = refund_records.read(tx, refund.id)
    if now.status not in refund_records.OPEN:
        full_refunds.close_if_fully_refunded(tx, now.order_id)
    return now


def _mark_sending(tx: Transaction, refund: Refund, method: RefundMethod) -> None:
    """Record that a refund is about to be sent by `method`."""
    tx.execute(_SENDING, {"id": refund.id, "method": method})


def _begin_transfer(tx: Transaction, refund: Refund) -> Transfer | None:
    """The transfer to send for a refund; None where there is no account to send it to yet."""
    last = transfers.newest(tx, refund.id)
    if last and last.status in (TransferStatus.SENDING, TransferStatus.SUCCEEDED):
        return last
    if refund.amount < payout_records.MIN_AMOUNT:
        refund_records.switch_to_transfer(tx, refund, last.failure if last else None)
        _open_manual_task(tx, refund)
        return None
    account = bank_accounts.current(tx, refund.user_id)
    if account is None or account.status != BankAccountStatus.VERIFIED:
        refund_records.switch_to_transfer(tx, refund, last.failure if last else None)
        refused_id = account.id if account and account.status == BankAccountStatus.REFUSED else None
        _request_bank_account(tx, refund, refused_id=refused_id)
        return None
    if not account.is_usable:  # reconcile sends it once the wait is over, whoever unfreezes it at once
        refund_records.switch_to_transfer(tx, refund, last.failure if last else None)
        return None
    _mark_sending(tx, refund, RefundMethod.TRANSFER)
    return transfers.read(tx, transfers.begin(tx, account, refund.amount, refund_id=refund.id))


def _request_bank_account(tx: Transaction, refund: Refund, *, refused_id: UUID | None) -> None:
    """Ask for a bank account, once; and once more for each that was given and refused."""
    if people.get(tx, refund.user_id):
        key = f"refund_account_needed:{refund.id}" + (f":{refused_id}" if refused_id else "")
        context = {"refund_id": refund.id, "is_refused": refused_id is not None}
        mails.enqueue_about_order(tx, "refund_account_needed", refund.order_id, dedupe_key=key, context=context)
    else:  # nobody to ask any more
        _open_manual_task(tx, refund)


def _open_manual_task(tx: Transaction, refund: Refund) -> None:
    manual_tasks.add(tx, "refund_by_hand", subject="refund", subject_id=refund.id, amount=refund.amount)


def _send_transfer(transfer: Transfer) -> str:
    with transaction() as tx:
        account = transfers.account_of(tx, transfer)
    return record_transfer(transfer, transfers.send(transfer, account))


def _through_gateway(refund: Refund, call: Callable[[Gateway], GatewayRefundStatus]) -> str:
    if refund.status != RefundStatus.PROCESSING or refund.method != RefundMethod.GATEWAY:
        return refund.status
    try:
        reported = call(registry.gateway(refund.gateway))
    except NotSettledYet:  # reconcile asks again
        log.info("refund.waits_for_settlement", extra={"refund_id": str(refund.id)})
        return refund.status
    except GatewayRefused as refused:
        return _switch_to_transfer(refund, refused.code)
    return _book(refund, reported)


def _book(refund: Refund, reported: GatewayRefundStatus) -> str:
    with transaction() as tx:
        now = _lock(tx, refund.id)
        state = (
            refund_records.apply(tx, now, reported)
            if now.status != RefundStatus.COMPLETED
            else GatewayRefundState.SUCCEEDED
        )
        if ledger.suspense_amount(tx, now.order_id):
            full_refunds.close_if_fully_refunded(tx, now.order_id)
    if state is GatewayRefundState.FAILED:
        return _switch_to_transfer(refund, reported.failure_code or reported.raw_status)
    with transaction() as tx:
        return refund_records.read(tx, refund.id).status


def _switch_to_transfer(refund: Refund, failure: str) -> str:
    """Send by bank transfer what the gateway does not send, unless it has sent it already."""
    log.warning("refund.refused", extra={"refund_id": str(refund.id), "failure": failure})
    given_back = registry.gateway(refund.gateway).refunded_amount(refund)
    with transaction() as tx:
        now = _lock(tx, refund.id)
        if now.status != RefundStatus.PROCESSING or now.method != RefundMethod.GATEWAY:
            return now.status
        dashboard_refunds.offset_refund(tx, now)
        full_refunds.close_if_fully_refunded(tx, now.order_id)
        now = refund_records.read(tx, refund.id)
        if now.status == RefundStatus.COMPLETED:
            return now.status
        others = [each for each in refund_records.gateway_refunds_of(tx, refund.payment_id) if each.id != refund.id]
        known = sum(each.amount for each in others if each.was_sent)
        if given_back > known or refund_records.exceeds_received(tx, refund.order_id):
            refund_records.fail(tx, now, failure)
            details = {"failure": failure, "amount": refund.amount, "given_back": given_back, "known": known}
            manual_tasks.add(tx, "refund_disputed", subject="refund", subject_id=refund.id, **details)
            return RefundStatus.FAILED
        refund_records.switch_to_transfer(tx, now, failure)
    return execute(refund.id)


def _failed(tx: Transaction, refund: Refund, transfer: Transfer) -> None:
    failure = transfer.failure or transfer.status
    refund_records.fail(tx, refund, failure)
    # Somebody may have refunded at the dashboard while it was on its way.
    refund = _offset(tx, refund_records.read(tx, refund.id))
    if refund.status not in refund_records.OPEN:
        return
    if transfers.may_go_elsewhere(tx, refund.user_id, transfer):
        refund_records.requeue(tx, refund)  # the account was set while this transfer was on its way
        return
    manual_tasks.add(tx, "refund_failed", subject="refund", subject_id=refund.id, failure=failure, amount=refund.amount)
    mails.enqueue_about_order(
        tx,
        "refund_account_needed",
        refund.order_id,
        dedupe_key=f"refund_failed:{refund.id}:{failure}:{transfer.bank_account_id}",
        context={"refund_id": refund.id},
    )


def _lock(tx: Transaction, refund_id: UUID) -> Refund:
    """Lock the buyer, then the order, of a refund, and read it."""
    refund = refund_records.read(tx, refund_id)
    people.lock(tx, refund.user_id)
    orders.lock(tx, refund.order_id)
    return refund_records.read(tx, refund_id)


def _can_go_through_gateway(refund: Refund) -> bool:
    if refund.gateway == NO_GATEWAY:
        return False
    return refund.channel.upper() not in registry.gateway(refund.gateway).unrefundable_channels
