"""Payouts of all organizers, and the bank accounts that wait for a decision (FN-004..012)."""

from typing import Final
from uuid import UUID

from shared.cloud import authorization
from shared.cloud.database import Transaction, transaction
from shared.identity import people, principals
from shared.identity.tokens import Principal
from shared.models import PageQuery
from shared.payouts import bank_account_changes, bank_account_checks, bank_accounts, retries, schemas
from shared.payouts.bank_account_changes import BankAccountRelease
from shared.payouts.bank_account_checks import BankAccountDecision
from shared.payouts.bank_accounts import BankAccountRow
from shared.payouts.records import RETRYABLE
from shared.payouts.retries import PayoutNotRetryable
from shared.problems import NotFound
from shared.site import lists, rendering
from shared.site.admin import actions
from shared.site.admin.actions import Action, Confirmation, Field, NoInput
from shared.site.admin.formatting import money
from shared.site.languages import translate
from shared.states import BankAccountStatus
from shared.web import AdminOfDesk, App
from shared.web.pages import Language, Page, PageRequest

LIST: Final = "/admin/payouts"
ACCOUNTS: Final = "/admin/bank-accounts"
TASKS: Final = "/admin/tasks"
VERIFIED: Final = BankAccountDecision.model_validate({"status": BankAccountStatus.VERIFIED.value})
REFUSED: Final = BankAccountDecision.model_validate({"status": BankAccountStatus.REFUSED.value})

pages = App("site")


@pages.page(LIST)
def listing(request: PageRequest, admin: AdminOfDesk) -> Page:
    """The payouts of all organizers, newest first."""
    with transaction() as tx:
        found = schemas.list_page(tx, admin, PageQuery(**lists.page_of(request)))
    return rendering.form_page("admin/payouts.html", request, viewer=admin, listing=found, retryable=RETRYABLE)


@pages.page(f"{ACCOUNTS}/{{account_id}}")
def bank_account(request: PageRequest, account_id: UUID, admin: AdminOfDesk) -> Page:
    """A bank account, what waits for it, and what can be decided about it."""
    with transaction() as tx:
        account = bank_accounts.find(tx, account_id)
        if account is None:
            raise NotFound
        authorization.check_access(tx, admin, subject="bank_account", subject_id=account_id)
        owner = people.get(tx, account.user_id)
        waiting = bank_accounts.waiting_amount(tx, account.user_id)
    return rendering.form_page(
        "admin/bank_account.html",
        request,
        viewer=admin,
        account=account,
        owner=owner,
        waiting=waiting,
        has_other_name=account.status == BankAccountStatus.VERIFIED and account.has_payee_name is False,
    )


def _confirm_retry(tx: Transaction, admin: Principal, payout_id: UUID, language: Language) -> Confirmation:
    payout = schemas.read_visible(tx, payout_id, admin)
    if payout.status not in RETRYABLE:
        raise PayoutNotRetryable(payout_status=payout.status)
    amount = money(language, payout.amount)
    return Confirmation(
        translate(language, "Send the payout of %(amount)s again", amount=amount),
        [
            translate(
                language,
                "%(amount)s for “%(event)s” is sent to its organizer now.",
                amount=amount,
                event=payout.event_title,
            ),
            translate(language, "What is no longer owed at that moment is not sent."),
            translate(language, "It carries the same id at the gateway, so it can't be paid twice."),
        ],
        translate(language, "Send it again"),
        record=f"/admin/events/{payout.event_id}",
    )


def _confirm_verify(tx: Transaction, _admin: Principal, account_id: UUID, language: Language) -> Confirmation:
    account = bank_account_checks.read_undecided(tx, account_id)
    return Confirmation(
        translate(language, "This account is theirs"),
        [
            *_account_and_owner(tx, account, language),
            _waiting_amount(tx, account, language),
            translate(language, "The holder's name is the one that later accounts are compared with."),
        ],
        translate(language, "It is theirs: send what waits"),
    )


def _confirm_refuse(tx: Transaction, _admin: Principal, account_id: UUID, language: Language) -> Confirmation:
    account = bank_account_checks.read_undecided(tx, account_id)
    return Confirmation(
        translate(language, "This account is not theirs"),
        [
            *_account_and_owner(tx, account, language),
            translate(language, "Nothing is sent there. They are asked for another account."),
        ],
        translate(language, "It is not theirs: refuse it"),
        is_danger=True,
    )


def _confirm_release(tx: Transaction, _admin: Principal, account_id: UUID, language: Language) -> Confirmation:
    account = bank_account_checks.read_unreleased(tx, account_id)
    return Confirmation(
        translate(language, "Let money go to this account at once"),
        [*_account_and_owner(tx, account, language), _waiting_amount(tx, account, language)],
        translate(language, "Release it: send what waits"),
        [
            Field(
                "reason",
                translate(language, "Why may money go there now?"),
                translate(language, "Whom you reached by which way; it is kept in the audit trail."),
            )
        ],
        is_danger=True,
    )


def _account_and_owner(tx: Transaction, account: BankAccountRow, language: Language) -> list[str]:
    owner = people.get(tx, account.user_id)
    return [
        translate(
            language,
            "%(bank)s, number ending in %(ending)s, holder %(holder)s",
            bank=account.bank_code,
            ending=account.account_number_ending,
            holder=account.account_holder_name,
        ),
        translate(language, "It was set by %(name)s.", name=owner.full_name if owner else "–"),
    ]


def _waiting_amount(tx: Transaction, account: BankAccountRow, language: Language) -> str:
    waiting = money(language, bank_accounts.waiting_amount(tx, account.user_id))
    return translate(language, "%(amount)s waits for this account, and is sent there.", amount=waiting)


def _retry(tx: Transaction, admin: Principal, payout_id: UUID, _input: NoInput) -> None:
    retries.retry(tx, payout_id, admin)


def _verify(tx: Transaction, admin: Principal, account_id: UUID, _input: NoInput) -> None:
    bank_account_checks.decide_manually(tx, admin.id, account_id, VERIFIED)


def _refuse(tx: Transaction, admin: Principal, account_id: UUID, _input: NoInput) -> None:
    bank_account_checks.decide_manually(tx, admin.id, account_id, REFUSED)


def _release(tx: Transaction, admin: Principal, account_id: UUID, why: BankAccountRelease) -> None:
    bank_account_changes.release(tx, admin.id, account_id, why)


ACTIONS: Final = (
    Action(f"{LIST}/{{subject_id}}/retry", "payout", LIST, _confirm_retry, _retry, proof=principals.require_step_up),
    Action(
        f"{ACCOUNTS}/{{subject_id}}/verify",
        "bank_account",
        TASKS,
        _confirm_verify,
        _verify,
        proof=principals.require_fresh_proof,
    ),
    Action(
        f"{ACCOUNTS}/{{subject_id}}/refuse",
        "bank_account",
        TASKS,
        _confirm_refuse,
        _refuse,
        proof=principals.require_fresh_proof,
    ),
    Action(
        f"{ACCOUNTS}/{{subject_id}}/release",
        "bank_account",
        TASKS,
        _confirm_release,
        _release,
        BankAccountRelease,
        proof=principals.require_fresh_proof,
    ),
)
actions.register(pages, *ACTIONS)
