"""Checks of a bank account's holder: by the bank, or by an admin where it does not answer (FN-007, FN-008)."""

from datetime import timedelta
from typing import Literal
from uuid import UUID, uuid4

from sqlalchemy import text

from shared.cloud import audit, clock, manual_tasks
from shared.cloud.database import Transaction, transaction
from shared.gateways import registry
from shared.gateways.errors import GatewayError, GatewayRefused
from shared.gateways.statuses import AccountCheck, AccountName
from shared.identity import people
from shared.models import RequestModel
from shared.payouts import bank_accounts, holder_names
from shared.payouts.bank_accounts import BankAccountBody, BankAccountResponse, BankAccountRow, CheckedAccount
from shared.problems import Invalid, NotFound, Problem, TryAgain
from shared.sentences import Sentence
from shared.states import BankAccountStatus

_PATIENCE = timedelta(days=1)  # a bank may never answer (docs/reference/gateways.md): then a person decides
_REFUSE_NAME = text("UPDATE bank_accounts SET status = 'refused', updated_at = now() WHERE id = :id")
_DECIDE = text("""
    UPDATE bank_accounts SET status = :status, updated_at = now()
    WHERE id = :id AND status = 'checking' AND replaced_at IS NULL RETURNING user_id
""")


class BankAccountDecision(RequestModel):
    """An admin's decision about an account: whose it is, or whether its holder is the person to be paid."""

    status: Literal["verified", "refused"]


class BankAccountDecided(Problem):
    """Nothing about this bank account waits for a decision. Somebody has decided, or its owner has set another one."""

    status, slug = 409, "bank-account-decided"


class AccountNotFound(Invalid):
    """The bank knows no such account. Check the bank and the number."""

    slug = "account-not-found"


class AccountNameMismatch(Invalid):
    """The bank has this account under another name. Give the holder's name as the bank writes it."""

    slug = "account-name-mismatch"


def check(wanted: BankAccountBody) -> CheckedAccount:
    """Ask the bank whose account this is.

    Raises Invalid, AccountNotFound, AccountNameMismatch, and TryAgain where nobody could be asked.
    """
    if len(wanted.account_number) not in registry.transfer_gateway().account_digits[wanted.bank_code]:
        raise Invalid.field("account_number", Sentence("is not as long as {bank} makes them", bank=wanted.bank_code))
    account_id = uuid4()
    found = _query_bank(account_id, wanted)
    return CheckedAccount(account_id, wanted, evaluate(found, wanted.account_holder_name), found.request_id)


def recheck(account_id: UUID) -> str:
    """Ask what became of a check that was still running; return the account's status. For reconcile.

    Raises GatewayError: ask later.
    """
    with transaction() as tx:
        account = bank_accounts.read(tx, account_id)
    if account.status != BankAccountStatus.CHECKING or account.check_id is None:
        return account.status
    try:
        status = evaluate(registry.transfer_gateway().account_name(account.check_id), account.account_holder_name)
    except (AccountNotFound, AccountNameMismatch):
        status = BankAccountStatus.REFUSED
    with transaction() as tx:
        if status != BankAccountStatus.CHECKING:
            decide(tx, account_id, status)
        elif account.created_at < clock.now() - _PATIENCE:
            manual_tasks.add(tx, "bank_account_unanswered", subject="bank_account", subject_id=account_id)
    return status


def decide(tx: Transaction, account_id: UUID, status: BankAccountStatus, *, by: UUID | None = None) -> None:
    """End a running check: by the bank's answer, or by an admin where none comes.

    What waited for it is sent; where it is refused, the owner of what waits is asked for another account.
    """
    bank_accounts.lock(tx, account_id)
    user_id = tx.execute(_DECIDE, {"id": account_id, "status": status}).scalar()
    if user_id:
        audit.record(tx, "bank_account.decided", subject="user", subject_id=user_id, actor_id=by, status=status)
        manual_tasks.close(tx, account_id, by=by)
        bank_accounts.resume_waiting(tx, user_id)


def decide_manually(
    tx: Transaction, admin_id: UUID, account_id: UUID, decision: BankAccountDecision
) -> BankAccountResponse:
    """Decide about an account as an admin, also where the holder's name differs from the organizer's. Raises NotFound.

    An account about which nothing is to be decided stays as it is.
    """
    decide(tx, account_id, BankAccountStatus(decision.status), by=admin_id)
    account = bank_accounts.read(tx, account_id)
    if account.status == BankAccountStatus.VERIFIED and account.has_payee_name is False and not account.is_replaced:
        _decide_name(tx, account, decision.status, by=admin_id)
    return bank_accounts.read(tx, account_id).response


def read_undecided(tx: Transaction, account_id: UUID) -> BankAccountRow:
    """A current account about which an admin may decide. Raises NotFound, BankAccountDecided."""
    account = bank_accounts.find(tx, account_id)
    if account is None:
        raise NotFound
    has_other_name = account.status == BankAccountStatus.VERIFIED and account.has_payee_name is False
    if account.is_replaced or not (account.status == BankAccountStatus.CHECKING or has_other_name):
        raise BankAccountDecided
    return account


def read_unreleased(tx: Transaction, account_id: UUID) -> BankAccountRow:
    """A current account that waits or is frozen, and may be released. Raises NotFound, BankAccountDecided."""
    account = bank_accounts.find(tx, account_id)
    if account is None:
        raise NotFound
    if account.is_replaced or not (account.is_frozen or account.is_waiting):
        raise BankAccountDecided
    return account


def evaluate(found: AccountName, holder: str) -> BankAccountStatus:
    """The status of an account after the bank's answer. Raises AccountNotFound, AccountNameMismatch."""
    if found.check is AccountCheck.NOT_FOUND:
        raise AccountNotFound(errors=[{"field": "account_number", "message": "is not known to the bank"}])
    if found.check is not AccountCheck.FOUND or not found.holder_name:
        return BankAccountStatus.CHECKING
    if not holder_names.is_same_name(holder, found.holder_name):
        raise AccountNameMismatch(errors=[{"field": "account_holder_name", "message": "is not the bank's name for it"}])
    return BankAccountStatus.VERIFIED


def _query_bank(account_id: UUID, wanted: BankAccountBody) -> AccountName:
    try:
        return registry.transfer_gateway().check_account(
            bank_code=wanted.bank_code,
            account_number=wanted.account_number,
            reference_id=str(account_id),
            holder_name=wanted.account_holder_name,
        )
    except GatewayRefused as refused:
        raise Invalid.field("account_number", "is not accepted by the bank") from refused
    except GatewayError as error:
        raise TryAgain("The bank could not be asked whose account this is. Try again in a minute.") from error


def _decide_name(tx: Transaction, account: BankAccountRow, status: str, *, by: UUID) -> None:
    """An accepted holder is the name that later accounts are compared with."""
    if status == BankAccountStatus.VERIFIED:
        bank_accounts.set_name_match(tx, account.id, True)
        people.set_payee_name(tx, account.user_id, account.account_holder_name)
    else:
        tx.execute(_REFUSE_NAME, {"id": account.id})
    audit.record(
        tx, "bank_account.name_decided", subject="user", subject_id=account.user_id, actor_id=by, status=status
    )
    manual_tasks.close(tx, account.id, by=by)
    bank_accounts.resume_waiting(tx, account.user_id)
