"""Bank accounts that money is sent to (FN-007, FN-008).

The number is encrypted; its last four digits stay readable for people. A person has one account at a time;
older ones stay for the transfers that went there.

An account that replaces another waits a day before money may go there, so that its owner can stop it
(docs/decisions/0017). `bank_account_changes` tells them, freezes and releases it; the database refuses a transfer to an
account that waits or is frozen. `bank_account_checks` asks the bank whose account it is.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from sqlalchemy import text

from shared.cloud import audit, manual_tasks, outbox
from shared.cloud.database import Transaction
from shared.cloud.field_encryption import decrypt, encrypt
from shared.cloud.settings import settings
from shared.field_types import SeparatorsRemoved, Utc, plain_line
from shared.identity import people
from shared.models import RequestModel, ResponseModel
from shared.payouts import holder_names
from shared.payouts import records as payout_records
from shared.problems import NotFound
from shared.states import BankAccountStatus

BankCode = Literal["BCA", "MANDIRI", "BNI", "BRI", "PERMATA", "CIMB", "BSI"]


_SELECT = """
    SELECT b.id, b.user_id, b.bank_code, b.account_number_sealed, b.account_number_ending, b.account_holder_name,
        b.status, b.check_id, b.created_at, b.waits_until, b.is_frozen, b.replaced_at IS NOT NULL AS is_replaced,
        b.has_payee_name, COALESCE(u.payee_name, u.legal_name, u.full_name) AS payee_name,
        COALESCE(b.waits_until > clock_timestamp(), false) AS is_waiting,
        COALESCE(b.replaced_at < clock_timestamp() - interval '1 hour', false) AS is_long_replaced
    FROM bank_accounts b JOIN users u ON u.id = b.user_id
"""
_CURRENT = text(f"{_SELECT} WHERE b.user_id = :user_id AND b.replaced_at IS NULL")
_READ = text(f"{_SELECT} WHERE b.id = :id")
_REPLACE = text("UPDATE bank_accounts SET replaced_at = now() WHERE user_id = :user_id AND replaced_at IS NULL")
_ADD = text("""
    INSERT INTO bank_accounts (id, user_id, bank_code, account_number_sealed, account_number_ending,
        account_holder_name, status, check_id, waits_until)
    SELECT :id, :user_id, :bank_code, :encrypted, :ending, :holder, :status, :check_id,
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
_WAITING_REFUNDS = text("""
    SELECT id FROM refunds  -- Uses index: refunds_user
    WHERE user_id = :user_id AND method = 'disbursement' AND status IN ('approved', 'failed')
""")


_WAITING_AMOUNT = text("""
    SELECT COALESCE((SELECT sum(amount) FROM refunds  -- Uses index: refunds_user
            WHERE user_id = :user_id AND method = 'disbursement' AND status IN ('approved', 'failed')), 0)
        + COALESCE((SELECT sum(amount) FROM payouts  -- Uses index: payouts_organizer
            WHERE organizer_id = :user_id AND status IN ('pending', 'failed')), 0)
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


@dataclass(frozen=True)
class BankAccountRow:
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
    is_long_replaced: bool
    """True an hour after it was replaced: no call to a gateway that began before is still under way."""

    @property
    def is_usable(self) -> bool:
        """True if money may go there now."""
        return self.status == BankAccountStatus.VERIFIED and not self.is_frozen and not self.is_waiting

    @property
    def number(self) -> str:
        """The whole account number."""
        return decrypt(self.account_number_sealed, about=_about(self.id))

    @property
    def response(self) -> BankAccountResponse:
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

    def is_same_as(self, wanted: BankAccountBody) -> bool:
        """True if this is the wanted account and verified, so that it can stay.

        While the bank is still asked about it, the holder's name must be the wanted one too.
        """
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


def replace(tx: Transaction, user_id: UUID, checked: CheckedAccount) -> BankAccountRow:
    """Make this a person's account. The person is locked, and has another account, or none."""
    older = current(tx, user_id)
    tx.execute(_REPLACE, {"user_id": user_id})
    _add(tx, user_id, checked)
    people.set_first_payee_name(tx, user_id)
    audit.record(tx, "bank_account.set", subject="user", subject_id=user_id, actor_id=user_id, status=checked.status)
    if older:
        manual_tasks.close(tx, older.id, by=None)
    return read(tx, checked.id)


def is_payable(tx: Transaction, account: BankAccountRow) -> bool:
    """True if an account's holder is the organizer, who is locked; otherwise opens a manual task."""
    same = account.has_payee_name
    if same is None:
        same = holder_names.is_same_name(account.payee_name, account.account_holder_name)
        set_name_match(tx, account.id, same)
    if not same:
        manual_tasks.add(tx, "bank_account_name_differs", subject="bank_account", subject_id=account.id)
    return same


def read(tx: Transaction, account_id: UUID) -> BankAccountRow:
    """One account, current or replaced."""
    return BankAccountRow(**tx.execute(_READ, {"id": account_id}).one()._mapping)


def find(tx: Transaction, account_id: UUID) -> BankAccountRow | None:
    """One account, current or replaced; None if there is no such account."""
    row = tx.execute(_READ, {"id": account_id}).first()
    return BankAccountRow(**row._mapping) if row else None


def freeze(tx: Transaction, account_id: UUID) -> bool:
    """Freeze a current account, whose owner is locked; return whether that changed anything."""
    return tx.execute(_FREEZE, {"id": account_id}).rowcount > 0


def release(tx: Transaction, account_id: UUID) -> bool:
    """Release a current account that waits or is frozen, its owner locked; return whether that changed anything."""
    return tx.execute(_RELEASE, {"id": account_id}).rowcount > 0


def current(tx: Transaction, user_id: UUID) -> BankAccountRow | None:
    """The account a person has now, whatever its status."""
    row = tx.execute(_CURRENT, {"user_id": user_id}).first()
    return BankAccountRow(**row._mapping) if row else None


def read_own(tx: Transaction, user_id: UUID) -> BankAccountResponse:
    """The bank account of a person, as they see it. Raises NotFound."""
    account = current(tx, user_id)
    if account is None:
        raise NotFound("No bank account is set.")
    return account.response


def lock(tx: Transaction, account_id: UUID) -> BankAccountRow:
    """One account, after its owner is locked. Raises NotFound."""
    account = find(tx, account_id)
    if account is None:
        raise NotFound
    people.lock(tx, account.user_id)
    return read(tx, account_id)


def set_name_match(tx: Transaction, account_id: UUID, same: bool) -> None:
    """Record whether an account's holder is the person to be paid."""
    tx.execute(_COMPARED, {"id": account_id, "same": same})


def waiting_amount(tx: Transaction, user_id: UUID) -> int:
    """The rupiah that `resume_waiting` sends: refunds and payouts that wait or failed."""
    return int(tx.execute(_WAITING_AMOUNT, {"user_id": user_id}).scalar_one())


def resume_waiting(tx: Transaction, user_id: UUID) -> None:
    """Enqueue everything that has waited for this person's account."""
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
            "encrypted": encrypt(checked.wanted.account_number, about=_about(checked.id)),
            "ending": checked.wanted.account_number[-4:],
            "holder": checked.wanted.account_holder_name,
            "status": checked.status,
            "check_id": checked.check_id,
            "seconds": settings().bank_account_wait_seconds,
        },
    )


def _about(account_id: UUID) -> str:
    return f"bank_account:{account_id}"


def erase(tx: Transaction, user_id: UUID, name: str) -> None:
    """Erase the numbers of a person's bank accounts, and put `name` for their holder (UM-009)."""
    tx.execute(_ERASE, {"user_id": user_id, "name": name})
