"""Payout execution: the transfer of a payout, its outcome and its retries (FN-006, FN-011, FN-012)."""

from uuid import UUID

from shared.cloud import manual_tasks, outbox
from shared.cloud.database import Transaction, transaction
from shared.gateways.statuses import GatewayTransferStatus
from shared.messages import mails
from shared.payouts import bank_accounts, transfers
from shared.payouts import records as payout_records
from shared.payouts.bank_accounts import BankAccountRow
from shared.payouts.records import Payout
from shared.payouts.transfers import Transfer
from shared.states import BankAccountStatus, PayoutStatus, TransferStatus


def execute(payout_id: UUID) -> str:
    """Send a pending payout, or go on with one that was cut off; return its status afterwards. Safe to repeat.

    Raises GatewayUnavailable where the gateway gave no answer: call again.
    """
    with transaction() as tx:
        payout = payout_records.lock(tx, payout_id)
        transfer = _transfer(tx, payout)
        account = transfers.account_of(tx, transfer) if transfer else None
        status = payout_records.read(tx, payout_id).status
    if transfer is None or account is None:
        return status
    return record_transfer(transfer, transfers.send(transfer, account))


def retry_failed(payout_id: UUID) -> str:
    """Retry a failed payout automatically, unless another run just has; return its status afterwards.

    Raises GatewayUnavailable where the gateway gave no answer: call again.
    """
    with transaction() as tx:
        payout = payout_records.lock(tx, payout_id)
        if payout_records.is_retry_due(tx, payout):
            payout_records.set_status(tx, payout, PayoutStatus.PENDING)
    return execute(payout_id)


def record_transfer(transfer: Transfer, reported: GatewayTransferStatus) -> str:
    """Book the outcome of a transfer that pays a payout; return the payout's status."""
    with transaction() as tx:
        payout = payout_records.lock(tx, transfer.debt_id)
        changed = transfers.apply(tx, transfer.id, reported)
        if changed is None:
            return payout.status
        if changed.status == TransferStatus.SUCCEEDED:
            payout_records.set_status(tx, payout, PayoutStatus.COMPLETED)
            manual_tasks.close(tx, payout.id, by=None)
            outbox.add(tx, "payout.processed", {"payout_id": payout.id})
        else:
            payout_records.set_status(tx, payout, PayoutStatus.FAILED, changed.failure or changed.status)
            _after_failure(tx, payout, changed)
        return payout_records.read(tx, payout.id).status


def _transfer(tx: Transaction, payout: Payout) -> Transfer | None:
    """The transfer to send for a payout; None where it is paid, has failed, or waits."""
    last = transfers.newest(tx, payout.id)
    if last and last.status == TransferStatus.SENDING:
        return last
    if payout.status != PayoutStatus.PENDING or payout_records.is_waiting_for_cancellation(tx, payout):
        return None
    account = bank_accounts.current(tx, payout.organizer_id)
    if account is None or account.status != BankAccountStatus.VERIFIED:
        refused = account.id if account and account.status == BankAccountStatus.REFUSED else None
        key = f"payout_account_needed:{payout.id}:{last.attempt if last else 0}" + (f":{refused}" if refused else "")
        _enqueue_mail(tx, payout, "payout_account_needed", key, is_refused=refused is not None)
        return None
    if not account.is_usable or not bank_accounts.is_payable(tx, account):
        return None  # reconcile sends it once the wait is over, whoever decides about the account at once
    return _begin(tx, payout, account)


def _begin(tx: Transaction, payout: Payout, account: BankAccountRow) -> Transfer | None:
    """A transfer of what is still owed of a payout; None where that is too little to send."""
    cut = payout_records.excess_amount(tx, payout)
    if payout.amount - cut < payout_records.MIN_AMOUNT:
        payout_records.carry_over(tx, payout)
        return None
    payout_records.set_status(tx, payout, PayoutStatus.PROCESSING, tries=payout.tries + 1)
    transfer_id = transfers.begin(tx, account, payout.amount - cut, payout_id=payout.id)
    payout_records.reduce(tx, payout, cut, transfer_id)
    return transfers.read(tx, transfer_id)


def _after_failure(tx: Transaction, payout: Payout, transfer: Transfer) -> None:
    if transfers.may_go_elsewhere(tx, payout.organizer_id, transfer):
        payout_records.resend(tx, payout)  # it was set while this was on its way
        return
    if transfer.may_retry and payout.tries < payout_records.MAX_TRIES:
        return  # reconcile tries again
    manual_tasks.add(
        tx, "payout_failed", subject="payout", subject_id=payout.id, failure=transfer.failure, amount=payout.amount
    )
    if not transfer.may_retry:
        _enqueue_mail(tx, payout, "payout_account_needed", f"payout_failed:{transfer.id}")


def _enqueue_mail(
    tx: Transaction, payout: Payout, template: mails.Template, dedupe_key: str, *, is_refused: bool = False
) -> None:
    context = {"payout_id": payout.id, "is_refused": is_refused}
    mails.enqueue_to_person(tx, template, payout.organizer_id, dedupe_key=dedupe_key, context=context)
