"""Bank accounts that money is sent to, their owners checked by name with the bank (FN-007, FN-008).

The number is encrypted; its last four digits stay readable for people. A person has one account at a time;
older ones stay for the transfers that went there.

An account that replaces another waits a day before money may go there, so that its owner can stop it
(docs/decisions/0017). `payouts/bank_account_changes.py` tells them, freezes and releases it; the database refuses a
transfer to an account that waits or is frozen.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID, uuid4

from pydantic import Field
from sqlalchemy import text

from shared.cloud import audit, clock, manual_tasks, outbox
from shared.cloud.database import Transaction, transaction
from shared.cloud.field_encryption import decrypt, encrypt
from shared.cloud.settings import settings
from shared.field_types import SeparatorsRemoved, Utc, plain_line
from shared.gateways import registry
from shared.gateways.errors import GatewayError, GatewayRefused
from shared.gateways.statuses import AccountCheck, AccountName
from shared.gateways.xendit.requests import BANKS
from shared.identity import people
from shared.models import RequestModel, ResponseModel
from shared.payouts import records as payout_records
from shared.problems import Invalid, NotFound, TryAgain
from shared.sentences import Sentence
from shared.states import BankAccountStatus

BankCode = Literal["BCA", "MANDIRI", "BNI", "BRI", "PERMATA", "CIMB", "BSI"]

_PATIENCE = timedelta(days=1)  # a bank may never answer (docs/reference/gateways.md): then a person decides
_SHORTEST_CUT_NAME = 10
_TITLES = frozenset({"BPK", "BAPAK", "IBU", "SDR", "SDRI", "TN", "NY", "NN", "H", "HJ", "DRS", "DR", "IR", "PT", "CV"})

_SELECT = """
    SELECT b.id, b.user_id, b.bank_code, b.account_number_sealed, b.account_number_ending, b.account_holder_name,
        b.status, b.check_id, b.created_at, b.waits_until, b.is_frozen, b.replaced_at IS NOT NULL AS is_replaced,
        b.has_payee_name, COALESCE(u.payee_name, u.legal_name, u.full_name) AS payee_name,
        COALESCE(b.waits_until > clock_timestamp(), false) AS is_waiting
    FROM bank_accounts b JOIN users u ON u.id = b.user_id
"""
_CURRENT = text(f"{_SELECT} WHERE b.user_id = :user_id AND b.replaced_at IS NULL")
_READ = text(f"{_SELECT} WHERE b.id = :id")
_REPLACE = text("UPDATE bank_accounts SET replaced_at = now() WHERE user_id = :user_id AND replaced_at IS NULL")
_ADD = text("""
    INSERT INTO bank_accounts (id, user_id, bank_code, account_number_sealed, account_number_ending,
        account_holder_name, status, check_id, waits_until)
    SELECT :id, :user_id, :bank_code, :sealed, :ending, :holder, :status, :check_id,
        CASE WHEN :seconds > 0 AND EXISTS (SELECT 1 FROM bank_accounts WHERE user_id = :user_id AND status <> 'refused')
            THEN clock_timestamp() + make_interval(secs => :seconds) END
""")
_FREEZE = text("""
    UPDATE bank_accounts SET is_frozen = true, updated_at = now()
    WHERE id = :id AND NOT is_frozen AND replaced_at IS NULL
""")
_RELEASE = text("""
    UPDATE bank_accounts SET is_frozen = false, waits_until = NULL, updated_at = now()
    WHERE id = :id AND replaced_at IS NULL AND (is_frozen OR waits_until IS NOT NULL)
""")
_ERASE = text("""
    UPDATE bank_accounts SET account_number_sealed = '', account_number_ending = '', account_holder_name = :name,
        replaced_at = COALESCE(replaced_at, now()), updated_at = now()
    WHERE user_id = :user_id
""")
_COMPARED = text("UPDATE bank_accounts SET has_payee_name = :same, updated_at = now() WHERE id = :id")
_REFUSE_NAME = text("UPDATE bank_accounts SET status = 'refused', updated_at = now() WHERE id = :id")
_DECIDE = text("""
    UPDATE bank_accounts SET status = :status, updated_at = now()
    WHERE id = :id AND status = 'checking' AND replaced_at IS NULL RETURNING user_id
""")
_WAITING_REFUNDS = text("""
    SELECT id FROM refunds  -- Uses index: refunds_user
    WHERE user_id = :user_id AND method = 'disbursement' AND status IN ('approved', 'failed')
""")


class BankAccountBody(RequestModel):
    """The account to be paid to, as its bank knows it."""

    bank_code: BankCode
    account_number: Annotated[str, Field(pattern=r"^[0-9]{5,20}$"), SeparatorsRemoved]
    account_holder_name: Annotated[str, plain_line(100)]


class BankAccountResponse(ResponseModel):
    """A bank account as people may see it: of the number only its end."""

    id: UUID
    bank_code: str
    account_number: str
    account_holder_name: str
    status: BankAccountStatus
    """`checking` while the bank has not said whose it is: nothing is sent there yet."""
    usable_from: Utc | None
    """Until then nothing is sent there, since it replaced another account; null where it need not wait."""
    is_frozen: bool
    """Somebody stopped it by the link in the mail: nothing is sent there until it is set again, or an admin decides."""


class BankAccountDecision(RequestModel):
    """An admin's decision about an account: whose it is, or whether its holder is the person to be paid."""

    status: Literal["verified", "refused"]


class AccountNotFound(Invalid):
    """The bank knows no such account. Check the bank and the number."""

    slug = "account-not-found"


class AccountNameMismatch(Invalid):
    """The bank has this account under another name. Give the holder's name as the bank writes it."""

    slug = "account-name-mismatch"


@dataclass(frozen=True)
class Account:
    """A row of bank_accounts."""

    id: UUID
    user_id: UUID
    bank_code: str
    account_number_sealed: str
    account_number_ending: str
    account_holder_name: str
    status: str
    check_id: str | None
    created_at: datetime
    waits_until: datetime | None
    is_frozen: bool
    is_replaced: bool
    has_payee_name: bool | None
    """True if its holder is the one to be paid, as compared or decided; None: not compared yet."""
    payee_name: str
    is_waiting: bool

    @property
    def is_usable(self) -> bool:
        """True if money may go there now."""
        return self.status == BankAccountStatus.VERIFIED and not self.is_frozen and not self.is_waiting

    @property
    def number(self) -> str:
        """The whole account number."""
        return decrypt(self.account_number_sealed, about=_about(self.id))

    @property
    def answer(self) -> BankAccountResponse:
        """The account as its owner sees it."""
        return BankAccountResponse(
            id=self.id,
            bank_code=self.bank_code,
            account_number=f"******{self.account_number_ending}",
            account_holder_name=self.account_holder_name,
            status=self.status,
            usable_from=self.waits_until,
            is_frozen=self.is_frozen,
        )

    def is_where(self, wanted: BankAccountBody) -> bool:
        """True if this is the wanted account, to be kept as it is. Until its bank's word its holder counts too."""
        is_named_so = self.account_holder_name == wanted.account_holder_name
        is_good = not self.is_frozen and (
            self.status == BankAccountStatus.VERIFIED or (self.status == BankAccountStatus.CHECKING and is_named_so)
        )
        return is_good and self.bank_code == wanted.bank_code and self.number == wanted.account_number


@dataclass(frozen=True)
class CheckedAccount:
    """A wanted account, and what its bank said of it."""

    id: UUID
    wanted: BankAccountBody
    status: BankAccountStatus
    check_id: str | None


def check(wanted: BankAccountBody) -> CheckedAccount:
    """Ask the bank whose account this is.

    Raises Invalid, AccountNotFound, AccountNameMismatch, and TryAgain where nobody could be asked.
    """
    if len(wanted.account_number) not in BANKS[wanted.bank_code].account_digits:
        raise Invalid.field("account_number", Sentence("is not as long as {bank} makes them", bank=wanted.bank_code))
    account_id = uuid4()
    found = _query_bank(account_id, wanted)
    return CheckedAccount(account_id, wanted, evaluate(found, wanted.account_holder_name), found.request_id)


def replace(tx: Transaction, user_id: UUID, checked: CheckedAccount) -> Account:
    """Make this a person's account. The person is locked, and has another account, or none."""
    older = current(tx, user_id)
    tx.execute(_REPLACE, {"user_id": user_id})
    _add(tx, user_id, checked)
    people.set_first_payee_name(tx, user_id)
    audit.record(tx, "bank_account.set", subject="user", subject_id=user_id, actor_id=user_id, status=checked.status)
    if older:
        manual_tasks.close(tx, older.id, by=None)
    return read(tx, checked.id)


def is_payable(tx: Transaction, account: Account) -> bool:
    """True if an account's holder is the organizer who is to be paid; where not, a person is asked. They are locked."""
    same = account.has_payee_name
    if same is None:
        same = is_same_name(account.payee_name, account.account_holder_name)
        tx.execute(_COMPARED, {"id": account.id, "same": same})
    if not same:
        manual_tasks.add(tx, "bank_account_name_differs", subject="bank_account", subject_id=account.id)
    return same


def read(tx: Transaction, account_id: UUID) -> Account:
    """One account, current or replaced."""
    return Account(**tx.execute(_READ, {"id": account_id}).one()._mapping)


def find(tx: Transaction, account_id: UUID) -> Account | None:
    """The same, if there is such an account."""
    row = tx.execute(_READ, {"id": account_id}).first()
    return Account(**row._mapping) if row else None


def freeze(tx: Transaction, account_id: UUID) -> bool:
    """Let no money go to a current account, whose owner is locked; whether that changed anything."""
    return tx.execute(_FREEZE, {"id": account_id}).rowcount > 0


def release(tx: Transaction, account_id: UUID) -> bool:
    """Let money go to a current account that waits or is frozen, whose owner is locked; whether it changed anything."""
    return tx.execute(_RELEASE, {"id": account_id}).rowcount > 0


def current(tx: Transaction, user_id: UUID) -> Account | None:
    """The account a person has now, whatever its status."""
    row = tx.execute(_CURRENT, {"user_id": user_id}).first()
    return Account(**row._mapping) if row else None


def own(tx: Transaction, user_id: UUID) -> BankAccountResponse:
    """The bank account of a person, as they see it. Raises NotFound."""
    account = current(tx, user_id)
    if account is None:
        raise NotFound("No bank account is set.")
    return account.answer


def recheck(account_id: UUID) -> str:
    """Ask what became of a check that was still running; return the account's status. For reconcile.

    Raises GatewayError: ask later.
    """
    with transaction() as tx:
        account = read(tx, account_id)
    if account.status != BankAccountStatus.CHECKING or account.check_id is None:
        return account.status
    try:
        status = evaluate(registry.payout_gateway().account_name(account.check_id), account.account_holder_name)
    except (AccountNotFound, AccountNameMismatch):
        status = BankAccountStatus.REFUSED
    with transaction() as tx:
        if status != BankAccountStatus.CHECKING:
            decide(tx, account_id, status)
        elif account.created_at < clock.now() - _PATIENCE:
            manual_tasks.add(tx, "bank_account_unanswered", subject="bank_account", subject_id=account_id)
    return status


def decide(tx: Transaction, account_id: UUID, status: BankAccountStatus, *, by: UUID | None = None) -> None:
    """End a running check: by the bank's answer, or by an admin where none comes. Transfers that waited are sent."""
    lock(tx, account_id)
    user_id = tx.execute(_DECIDE, {"id": account_id, "status": status}).scalar()
    if user_id:
        audit.record(tx, "bank_account.decided", subject="user", subject_id=user_id, actor_id=by, status=status)
        manual_tasks.close(tx, account_id, by=by)
        if status == BankAccountStatus.VERIFIED:
            resume_waiting(tx, user_id)


def decide_manually(
    tx: Transaction, admin_id: UUID, account_id: UUID, decision: BankAccountDecision
) -> BankAccountResponse:
    """The same for an admin, who also decides where the holder's name differs from the organizer's. Raises NotFound.

    An account about which nothing is to be decided stays as it is.
    """
    decide(tx, account_id, BankAccountStatus(decision.status), by=admin_id)
    account = read(tx, account_id)
    if account.status == BankAccountStatus.VERIFIED and account.has_payee_name is False and not account.is_replaced:
        _decide_name(tx, account, decision.status, by=admin_id)
    return read(tx, account_id).answer


def lock(tx: Transaction, account_id: UUID) -> Account:
    """One account, after its owner is locked. Raises NotFound."""
    account = find(tx, account_id)
    if account is None:
        raise NotFound
    people.lock(tx, account.user_id)
    return read(tx, account_id)


def evaluate(found: AccountName, holder: str) -> BankAccountStatus:
    """The status of an account after the bank's answer. Raises AccountNotFound, AccountNameMismatch."""
    if found.check is AccountCheck.NOT_FOUND:
        raise AccountNotFound(errors=[{"field": "account_number", "message": "is not known to the bank"}])
    if found.check is not AccountCheck.FOUND or not found.holder_name:
        return BankAccountStatus.CHECKING
    if not is_same_name(holder, found.holder_name):
        raise AccountNameMismatch(errors=[{"field": "account_holder_name", "message": "is not the bank's name for it"}])
    return BankAccountStatus.VERIFIED


def is_same_name(given: str, banks: str) -> bool:
    """True if two spellings name one holder: banks write capitals, drop titles, turn and cut names."""
    words, others = _bare(given), _bare(banks)
    one, other = "".join(words), "".join(others)
    shorter, longer = sorted((one, other), key=len)
    is_cut = len(shorter) >= _SHORTEST_CUT_NAME and longer.startswith(shorter)
    return bool(one) and (one == other or sorted(words) == sorted(others) or is_cut)


def _bare(name: str) -> list[str]:
    words = re.sub(r"[^A-Z ]", " ", name.upper()).split()
    return [word for word in words if word not in _TITLES]


def _query_bank(account_id: UUID, wanted: BankAccountBody) -> AccountName:
    try:
        return registry.payout_gateway().check_account(
            bank_code=wanted.bank_code,
            account_number=wanted.account_number,
            reference_id=str(account_id),
            holder_name=wanted.account_holder_name,
        )
    except GatewayRefused as refused:
        raise Invalid.field("account_number", "is not accepted by the bank") from refused
    except GatewayError as error:
        raise TryAgain("The bank could not be asked whose account this is. Try again in a minute.") from error


def resume_waiting(tx: Transaction, user_id: UUID) -> None:
    """Have everything sent that has waited for this person's account."""
    for refund_id in tx.execute(_WAITING_REFUNDS, {"user_id": user_id}).scalars():
        outbox.add(tx, "refund.approved", {"refund_id": refund_id})
    payout_records.resend_all(tx, user_id)


def _add(tx: Transaction, user_id: UUID, checked: CheckedAccount) -> None:
    tx.execute(
        _ADD,
        {
            "id": checked.id,
            "user_id": user_id,
            "bank_code": checked.wanted.bank_code,
            "sealed": encrypt(checked.wanted.account_number, about=_about(checked.id)),
            "ending": checked.wanted.account_number[-4:],
            "holder": checked.wanted.account_holder_name,
            "status": checked.status,
            "check_id": checked.check_id,
            "seconds": settings().bank_account_wait_seconds,
        },
    )


def _decide_name(tx: Transaction, account: Account, status: str, *, by: UUID) -> None:
    """An accepted holder is the name that later accounts are compared with."""
    if status == BankAccountStatus.VERIFIED:
        tx.execute(_COMPARED, {"id": account.id, "same": True})
        people.set_payee_name(tx, account.user_id, account.account_holder_name)
    else:
        tx.execute(_REFUSE_NAME, {"id": account.id})
    audit.record(
        tx, "bank_account.name_decided", subject="user", subject_id=account.user_id, actor_id=by, status=status
    )
    manual_tasks.close(tx, account.id, by=by)
    resume_waiting(tx, account.user_id)


def _about(account_id: UUID) -> str:
    return f"bank_account:{account_id}"


def erase(tx: Transaction, user_id: UUID, name: str) -> None:
    """Erase the numbers of a person's bank accounts, and put `name` for their holder (UM-009)."""
    tx.execute(_ERASE, {"user_id": user_id, "name": name})
