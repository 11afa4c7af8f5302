"""Changes of a bank account: setting, freezing, releasing. Its owner is mailed, and may freeze it by a link.

The rules are in docs/decisions/0017. Everything here locks the owner first, as executions of payouts
and refunds do. A transfer under way is not touched.
"""

from typing import Annotated
from uuid import UUID

from shared.cloud import audit, manual_tasks
from shared.cloud.database import Transaction, transaction
from shared.field_types import line
from shared.identity import freeze_links, people
from shared.identity.freeze_links import FreezeLink
from shared.identity.marketing import LinkInvalid
from shared.messages import mails
from shared.models import RequestModel
from shared.payouts import bank_account_checks, bank_accounts
from shared.payouts.bank_accounts import BankAccountBody, BankAccountResponse, BankAccountRow
from shared.states import BankAccountStatus


class BankAccountRelease(RequestModel):
    """The reason why money may go to an account before its time, or although it was frozen."""

    reason: Annotated[str, line(500)]


def set_account(user_id: UUID, wanted: BankAccountBody) -> BankAccountResponse:
    """Make this a person's account, once its bank says it is theirs, and mail them; what waited for it is sent.

    Setting the same account again changes nothing, but what waited or failed is sent. A frozen one is set anew. Raises
    what bank_account_checks.check raises: the older account then stays.
    """
    checked = bank_account_checks.check(wanted)
    with transaction() as tx:
        person = people.lock(tx, user_id)
        account = bank_accounts.current(tx, user_id)
        if account is None or not account.is_same_as(wanted):
            account = bank_accounts.replace(tx, user_id, checked)
            _enqueue_mail(tx, account)
        elif checked.status != BankAccountStatus.CHECKING:
            bank_account_checks.decide(tx, account.id, checked.status)
            account = bank_accounts.read(tx, account.id)
        if person and person.role == "organizer":
            bank_accounts.is_payable(tx, account)
        if account.status == BankAccountStatus.VERIFIED:
            bank_accounts.resume_waiting(tx, user_id)
        return account.response


def language(tx: Transaction, link: FreezeLink) -> str:
    """The language in which to ask whether to freeze. Changes nothing. Raises LinkInvalid."""
    return _owner(tx, bank_accounts.find(tx, freeze_links.account_of(link))).language


def freeze(tx: Transaction, link: FreezeLink) -> str:
    """Freeze the link's account, once or again; give its owner's language. Raises LinkInvalid."""
    account = bank_accounts.find(tx, freeze_links.account_of(link))
    owner = _owner(tx, account)
    if account and bank_accounts.freeze(tx, account.id):
        manual_tasks.add(tx, "bank_account_frozen", subject="bank_account", subject_id=account.id)
        audit.record(tx, "bank_account.frozen", subject="user", subject_id=owner.id, account_id=account.id)
    return owner.language


def release(tx: Transaction, admin_id: UUID, account_id: UUID, why: BankAccountRelease) -> BankAccountResponse:
    """Let money go to an account that waits or is frozen; what waited for it is sent. Raises NotFound.

    An account that was replaced stays as it is.
    """
    account = bank_accounts.lock(tx, account_id)
    if bank_accounts.release(tx, account_id):
        user_id = account.user_id
        details = {"account_id": account_id, "reason": why.reason}
        audit.record(tx, "bank_account.released", subject="user", subject_id=user_id, actor_id=admin_id, **details)
        manual_tasks.close(tx, account_id, by=admin_id)
        bank_accounts.resume_waiting(tx, user_id)
    return bank_accounts.read(tx, account_id).response


def _owner(tx: Transaction, account: BankAccountRow | None) -> people.Person:
    owner = people.lock(tx, account.user_id) if account else None
    if owner is None:
        raise LinkInvalid
    return owner


def _enqueue_mail(tx: Transaction, account: BankAccountRow) -> None:
    context = {"account_id": account.id}
    mails.enqueue_to_person(
        tx, "bank_account_set", account.user_id, dedupe_key=f"bank_account_set:{account.id}", context=context
    )
