"""Where money is sent: a person's bank account, its owner checked by name with the bank (FN-007, FN-008).

The number is sealed; its last four digits stay readable for people. A person has one account at a time;
older ones stay for the transfers that went there.
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
from shared.cloud.sealing import seal, unseal
from shared.gateways import accounts
from shared.gateways.errors import GatewayError, GatewayRefused
from shared.gateways.facts import AccountCheck, AccountName
from shared.gateways.xendit_requests import BANKS
from shared.identity import people
from shared.models import Answer, Body, plain_line
from shared.money import payouts
from shared.problems import Invalid, NotFound, TryAgain

BankCode = Literal["BCA", "MANDIRI", "BNI", "BRI", "PERMATA", "CIMB", "BSI"]
Status = Literal["checking", "verified", "refused"]

_PATIENCE = timedelta(days=1)  # a bank may never answer (docs/reference/gateways.md): then a person decides
_SHORTEST_CUT_NAME = 10
_TITLES = frozenset({"BPK", "BAPAK", "IBU", "SDR", "SDRI", "TN", "NY", "NN", "H", "HJ", "DRS", "DR", "IR", "PT", "CV"})

_CURRENT = text("""
    SELECT id, user_id, bank_code, account_number_sealed, account_number_ending, account_holder_name, status,
        check_id, created_at
    FROM bank_accounts WHERE user_id = :user_id AND replaced_at IS NULL
""")
_READ = text("""
    SELECT id, user_id, bank_code, account_number_sealed, account_number_ending, account_holder_name, status,
        check_id, created_at
    FROM bank_accounts WHERE id = :id
""")
_REPLACE = text("UPDATE bank_accounts SET replaced_at = now() WHERE user_id = :user_id AND replaced_at IS NULL")
_ADD = text("""
    INSERT INTO bank_accounts (id, user_id, bank_code, account_number_sealed, account_number_ending,
        account_holder_name, status, check_id)
    VALUES (:id, :user_id, :bank_code, :sealed, :ending, :holder, :status, :check_id)
""")
_DECIDE = text("""
    UPDATE bank_accounts SET status = :status, updated_at = now()
    WHERE id = :id AND status = 'checking' AND replaced_at IS NULL RETURNING user_id
""")
_WAITING_REFUNDS = text("""
    SELECT id FROM refunds  -- Uses index: refunds_user
    WHERE user_id = :user_id AND method = 'disbursement' AND status IN ('approved', 'failed')
""")


class BankAccountBody(Body):
    """The account to be paid to, as its bank knows it."""

    bank_code: BankCode
    account_number: Annotated[str, Field(pattern=r"^[0-9]{5,20}$")]
    account_holder_name: Annotated[str, plain_line(100)]


class BankAccountAnswer(Answer):
    """A bank account as people may see it: of the number only its end."""

    bank_code: str
    account_number: str
    account_holder_name: str
    status: Status
    """`checking` while the bank has not said whose it is: nothing is sent there yet."""


class BankAccountDecision(Body):
    """What an admin found out about an account."""

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

    @property
    def number(self) -> str:
        """The whole account number."""
        return unseal(self.account_number_sealed, about=_about(self.id))

    @property
    def answer(self) -> BankAccountAnswer:
        """What its owner sees of it."""
        return BankAccountAnswer(
            bank_code=self.bank_code,
            account_number=f"******{self.account_number_ending}",
            account_holder_name=self.account_holder_name,
            status=self.status,
        )


def put(user_id: UUID, wanted: BankAccountBody) -> BankAccountAnswer:
    """Make this a person's account, once its bank says it is theirs; what waited for it is sent.

    Raises Invalid, AccountNotFound, AccountNameMismatch, and TryAgain where nobody could be asked:
    the older account then stays.
    """
    if len(wanted.account_number) not in BANKS[wanted.bank_code].account_digits:
        raise Invalid.field("account_number", f"is not as long as {wanted.bank_code} makes them")
    account_id = uuid4()
    found = _ask(account_id, wanted)
    status = judge(found, wanted.account_holder_name)
    with transaction() as tx:
        people.lock(tx, user_id)
        tx.execute(_REPLACE, {"user_id": user_id})
        tx.execute(
            _ADD,
            {
                "id": account_id,
                "user_id": user_id,
                "bank_code": wanted.bank_code,
                "sealed": seal(wanted.account_number, about=_about(account_id)),
                "ending": wanted.account_number[-4:],
                "holder": wanted.account_holder_name,
                "status": status,
                "check_id": found.request_id,
            },
        )
        audit.record(tx, "bank_account.set", subject="user", subject_id=user_id, actor_id=user_id, status=status)
        if status == "verified":
            _wake(tx, user_id)
        return read(tx, account_id).answer


def read(tx: Transaction, account_id: UUID) -> Account:
    """One account, current or replaced."""
    return Account(**tx.execute(_READ, {"id": account_id}).one()._mapping)


def current(tx: Transaction, user_id: UUID) -> Account | None:
    """The account a person has now, whatever its status."""
    row = tx.execute(_CURRENT, {"user_id": user_id}).first()
    return Account(**row._mapping) if row else None


def own(tx: Transaction, user_id: UUID) -> BankAccountAnswer:
    """What a person sees of their account. Raises NotFound."""
    account = current(tx, user_id)
    if account is None:
        raise NotFound("No bank account is set.")
    return account.answer


def ask_again(account_id: UUID) -> str:
    """Ask what became of a check that was still running; return the account's status. For reconcile.

    Raises GatewayError: ask later.
    """
    with transaction() as tx:
        account = read(tx, account_id)
    if account.status != "checking" or account.check_id is None:
        return account.status
    try:
        status = judge(accounts.xendit().account_name(account.check_id), account.account_holder_name)
    except (AccountNotFound, AccountNameMismatch):
        status = "refused"
    with transaction() as tx:
        if status != "checking":
            decide(tx, account_id, status)
        elif account.created_at < clock.now() - _PATIENCE:
            manual_tasks.add(tx, "bank_account_unanswered", subject="bank_account", subject_id=account_id)
    return status


def decide(tx: Transaction, account_id: UUID, status: Status, *, by: UUID | None = None) -> None:
    """End a running check: by the bank's answer, or by an admin where no answer comes. What waited for it is sent."""
    people.lock(tx, read(tx, account_id).user_id)
    user_id = tx.execute(_DECIDE, {"id": account_id, "status": status}).scalar()
    if user_id:
        audit.record(tx, "bank_account.decided", subject="user", subject_id=user_id, actor_id=by, status=status)
        manual_tasks.close(tx, account_id, by=by)
        if status == "verified":
            _wake(tx, user_id)


def decide_by_hand(
    tx: Transaction, admin_id: UUID, account_id: UUID, decision: BankAccountDecision
) -> BankAccountAnswer:
    """The same for an admin; an account that is no longer being checked stays as it is. Raises NotFound."""
    if tx.execute(_READ, {"id": account_id}).first() is None:
        raise NotFound
    decide(tx, account_id, decision.status, by=admin_id)
    return read(tx, account_id).answer


def judge(found: AccountName, holder: str) -> Status:
    """What the bank's answer makes of an account. Raises AccountNotFound, AccountNameMismatch."""
    if found.check is AccountCheck.NOT_FOUND:
        raise AccountNotFound(errors=[{"field": "account_number", "message": "is not known to the bank"}])
    if found.check is not AccountCheck.FOUND or not found.holder_name:
        return "checking"
    if not is_same_name(holder, found.holder_name):
        raise AccountNameMismatch(errors=[{"field": "account_holder_name", "message": "is not the bank's name for it"}])
    return "verified"


def is_same_name(given: str, banks: str) -> bool:
    """Whether two spellings name one holder: banks write capitals, drop titles and cut long names."""
    one, other = _bare(given), _bare(banks)
    shorter, longer = sorted((one, other), key=len)
    return bool(one) and (one == other or (len(shorter) >= _SHORTEST_CUT_NAME and longer.startswith(shorter)))


def _bare(name: str) -> str:
    words = re.sub(r"[^A-Z ]", " ", name.upper()).split()
    return "".join(word for word in words if word not in _TITLES)


def _ask(account_id: UUID, wanted: BankAccountBody) -> AccountName:
    try:
        return accounts.xendit().check_account(
            bank_code=wanted.bank_code,
            account_number=wanted.account_number,
            reference_id=str(account_id),
            holder_name=wanted.account_holder_name,
        )
    except GatewayRefused as refused:
        raise Invalid.field("account_number", "is not accepted by the bank") from refused
    except GatewayError as error:
        raise TryAgain("The bank could not be asked whose account this is. Try again in a minute.") from error


def _wake(tx: Transaction, user_id: UUID) -> None:
    """Have everything sent that has waited for this person's account."""
    for refund_id in tx.execute(_WAITING_REFUNDS, {"user_id": user_id}).scalars():
        outbox.add(tx, "refund.approved", {"refund_id": refund_id})
    payouts.send_all_afresh(tx, user_id)


def _about(account_id: UUID) -> str:
    return f"bank_account:{account_id}"
