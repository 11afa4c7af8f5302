"""Transfers to bank accounts, through Xendit: one row of `disbursements` per try, whose id is the idempotency key.

    sending ──► succeeded ──► reversed     or reversed at once, where nobody told us between
       └──► failed                         after both a new try may follow, under a new key

The database allows one live try per debt. Money leaves the ledger when the bank has it, and comes back
when the bank returns it.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from shared.accounting import ledger
from shared.cloud.database import Transaction
from shared.field_types import as_uuid
from shared.gateways import registry
from shared.gateways.errors import GatewayRefused
from shared.gateways.statuses import GatewayTransferState, GatewayTransferStatus
from shared.payouts import bank_accounts
from shared.payouts.bank_accounts import BankAccountRow
from shared.states import BankAccountStatus, TransferStatus

GATEWAY = registry.TRANSFERS
ACCOUNT_FROZEN = "ACCOUNT_FROZEN"
"""The failure of a transfer that was never sent, as its account was frozen and another one set."""

_COLUMNS = """
    d.id, d.refund_id, d.payout_id, d.attempt, d.bank_account_id, d.amount, d.status, d.gateway_reference, d.failure,
    d.may_retry, r.order_id, p.event_id
"""
_FROM = "disbursements d LEFT JOIN refunds r ON r.id = d.refund_id LEFT JOIN payouts p ON p.id = d.payout_id"
_READ = text(f"SELECT {_COLUMNS} FROM {_FROM} WHERE d.id = :id")
_LOCK = text(f"SELECT {_COLUMNS} FROM {_FROM} WHERE d.id = :id FOR UPDATE OF d")
_NEWEST = text(f"""
    SELECT {_COLUMNS} FROM {_FROM} WHERE d.refund_id = :debt OR d.payout_id = :debt ORDER BY d.attempt DESC LIMIT 1
""")
_ADD = text("""
    INSERT INTO disbursements (refund_id, payout_id, attempt, bank_account_id, amount)
    SELECT :refund_id, :payout_id, 1 + count(*), :bank_account_id, :amount
    FROM disbursements WHERE refund_id = :refund_id OR payout_id = :payout_id
    RETURNING id
""")
_CHANGE = text("""
    UPDATE disbursements SET status = :status, failure = :failure, may_retry = :may_retry, updated_at = now(),
        gateway_reference = COALESCE(:gateway_reference, gateway_reference)
    WHERE id = :id
""")
_FIND_BY_REFERENCE = text("""
    SELECT id FROM disbursements  -- Uses index: disbursements_gateway_reference
    WHERE gateway_reference = :gateway_reference
    UNION SELECT id FROM disbursements WHERE id = :ours
    LIMIT 1
""")
_AFTER = {
    GatewayTransferState.SUCCEEDED: TransferStatus.SUCCEEDED,
    GatewayTransferState.FAILED: TransferStatus.FAILED,
    GatewayTransferState.CANCELLED: TransferStatus.FAILED,
    GatewayTransferState.REVERSED: TransferStatus.REVERSED,
}
_MOVES = {
    (TransferStatus.SENDING, TransferStatus.SUCCEEDED),
    (TransferStatus.SENDING, TransferStatus.FAILED),
    (TransferStatus.SENDING, TransferStatus.REVERSED),
    (TransferStatus.SUCCEEDED, TransferStatus.REVERSED),
}


@dataclass(frozen=True)
class Transfer:
    """A try to move money. It pays a refund (of `order_id`) or a payout (of `event_id`). `amount` in rupiah."""

    id: UUID
    refund_id: UUID | None
    payout_id: UUID | None
    attempt: int
    bank_account_id: UUID
    amount: int
    status: str
    gateway_reference: str | None
    failure: str | None
    may_retry: bool
    order_id: UUID | None
    event_id: UUID | None

    @property
    def debt_id(self) -> UUID:
        """The refund or the payout that it pays: the database knows exactly one."""
        debt = self.refund_id or self.payout_id
        if debt is None:
            raise AssertionError(f"transfer {self.id} pays nothing")
        return debt


def begin(
    tx: Transaction,
    account: BankAccountRow,
    amount: int,
    *,
    refund_id: UUID | None = None,
    payout_id: UUID | None = None,
) -> UUID:
    """Record a try before the gateway is called. The debt's row is locked, and has no live try."""
    values = {"refund_id": refund_id, "payout_id": payout_id, "bank_account_id": account.id, "amount": amount}
    transfer_id: UUID = tx.execute(_ADD, values).scalar_one()
    return transfer_id


def newest(tx: Transaction, debt_id: UUID) -> Transfer | None:
    """The last try to pay a refund or a payout."""
    row = tx.execute(_NEWEST, {"debt": debt_id}).first()
    return Transfer(**row._mapping) if row else None


def read(tx: Transaction, transfer_id: UUID) -> Transfer:
    """A try as it is."""
    return Transfer(**tx.execute(_READ, {"id": transfer_id}).one()._mapping)


def find_by_reference(tx: Transaction, reported: GatewayTransferStatus) -> UUID | None:
    """The try a gateway's webhook is about, by its id there or by ours."""
    names = {"gateway_reference": reported.gateway_reference, "ours": as_uuid(reported.reference)}
    found: UUID | None = tx.execute(_FIND_BY_REFERENCE, names).scalar()
    return found


def send(transfer: Transfer, account: BankAccountRow) -> GatewayTransferStatus:
    """Send a try through the gateway, or learn its status: the same key never pays twice.

    All that is sent follows from the rows, since the gateway refuses a key that comes with anything else. What was on
    its way as its account was frozen, and has not reached the gateway, stays here: it waits until the account is
    released, and has failed an hour after another one was set.

    Raises GatewayUnavailable: call again. A refusal is a status too: FAILED.
    """
    if account.is_frozen:
        return query(transfer) or _status_while_frozen(transfer, account)
    try:
        return registry.transfer_gateway().send_transfer(
            key=transfer.id,
            bank_code=account.bank_code,
            account_number=account.number,
            holder_name=account.account_holder_name,
            amount=transfer.amount,
            description="Refund tiket" if transfer.refund_id else "Payout event",
        )
    except GatewayRefused as refused:
        return _unsent_status(transfer, GatewayTransferState.FAILED, refused.code, "REFUSED")


def query(transfer: Transfer) -> GatewayTransferStatus | None:
    """A transfer's status at the gateway; None where it is not known there. Raises the errors of gateways.errors."""
    return registry.transfer_gateway().transfer_status(transfer.id, transfer.gateway_reference)


def apply(tx: Transaction, transfer_id: UUID, reported: GatewayTransferStatus) -> Transfer | None:
    """Book what the gateway says; the try as it is now, or None where nothing changed. Its debt is locked."""
    row = tx.execute(_LOCK, {"id": transfer_id}).one()
    before = Transfer(**row._mapping)
    after = _AFTER.get(reported.state, before.status)
    if after == before.status:
        _change(tx, before, before.status, reported)
        return None
    if (before.status, after) not in _MOVES:
        return None
    _change(tx, before, after, reported)
    if after in (TransferStatus.SUCCEEDED, TransferStatus.REVERSED):  # what came back was sent, heard of or not
        _post(tx, before)
    if after == TransferStatus.REVERSED:
        _post(tx, before, is_reversal=True)
    return read(tx, transfer_id)


def may_go_elsewhere(tx: Transaction, user_id: UUID, failed: Transfer) -> bool:
    """True if another account was set since a transfer failed: a verified one, or any where it was never sent."""
    account = bank_accounts.current(tx, user_id)
    if account is None or account.id == failed.bank_account_id:
        return False
    return account.status == BankAccountStatus.VERIFIED or failed.failure == ACCOUNT_FROZEN


def account_of(tx: Transaction, transfer: Transfer) -> BankAccountRow:
    """The bank account that a try goes to."""
    return bank_accounts.read(tx, transfer.bank_account_id)


def _status_while_frozen(transfer: Transfer, account: BankAccountRow) -> GatewayTransferStatus:
    """The status of a transfer that the gateway does not know, and is not given: its account is frozen."""
    if account.is_long_replaced:
        return _unsent_status(transfer, GatewayTransferState.FAILED, ACCOUNT_FROZEN, "NOT_SENT")
    return _unsent_status(transfer, GatewayTransferState.PROCESSING, None, "NOT_SENT")


def _unsent_status(
    transfer: Transfer, state: GatewayTransferState, failure: str | None, raw_status: str
) -> GatewayTransferStatus:
    """The status of a transfer that the gateway has not got."""
    return GatewayTransferStatus(
        gateway=GATEWAY,
        reference=str(transfer.id),
        gateway_reference=transfer.gateway_reference or "",
        amount=transfer.amount,
        state=state,
        failure_code=failure,
        may_retry=False,
        raw_status=raw_status,
    )


def _change(tx: Transaction, transfer: Transfer, status: str, reported: GatewayTransferStatus) -> None:
    tx.execute(
        _CHANGE,
        {
            "id": transfer.id,
            "status": status,
            "failure": reported.failure_code or (transfer.failure if status == transfer.status else None),
            "may_retry": reported.may_retry,
            "gateway_reference": reported.gateway_reference or None,
        },
    )


def _post(tx: Transaction, transfer: Transfer, *, is_reversal: bool = False) -> None:
    ledger.post_transfer(
        tx,
        transfer.id,
        GATEWAY,
        transfer.amount,
        order_id=transfer.order_id,
        event_id=transfer.event_id,
        is_reversal=is_reversal,
    )
