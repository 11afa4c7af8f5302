"""Resolutions of manual tasks by kind: what to do in a sentence, and the pages that do it (docs/runbook.md).

The kinds are those of the runbook and of the code; a test compares them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from shared.cloud.manual_tasks import ManualTaskResponse
from shared.site.languages import gettext_noop as _


@dataclass(frozen=True)
class Step:
    """A page that does something about a task; its address names the task's subject or one of its details."""

    label: str
    address: str


@dataclass(frozen=True)
class Resolution:
    """The title of a kind of task, what to do about it, and where. `closes_itself`: doing that closes the task."""

    title: str
    advice: str
    steps: Sequence[Step] = ()
    closes_itself: bool = False


_ORDER: Final = Step(_("The order"), "/admin/orders/{order_id}")
_SEARCH: Final = Step(_("Search for it"), "/admin/search?q={subject_id}")
_SEARCH_REFERENCE: Final = Step(_("Search for its reference"), "/admin/search?q={reference}")
_WEBHOOKS: Final = Step(_("The webhooks"), "/admin/webhooks?status=all")
_REVIEW: Final = (
    Step(_("Accept the amount"), "/admin/reviews/{subject_id}/accept"),
    Step(_("Refund all of it"), "/admin/reviews/{subject_id}/refund"),
)
_REFUND: Final = Step(_("The refund"), "/admin/refunds/{subject_id}")
_SEND_REFUND: Final = Step(_("Send it again"), "/admin/refunds/{subject_id}/retry")
_PAID_BY_HAND: Final = Step(_("Book it as paid by hand"), "/admin/refunds/{subject_id}/paid-by-hand")
_ACCOUNT: Final = Step(_("The bank account"), "/admin/bank-accounts/{subject_id}")
_DECIDE_ACCOUNT: Final = (
    _ACCOUNT,
    Step(_("It is theirs"), "/admin/bank-accounts/{subject_id}/verify"),
    Step(_("It is not theirs"), "/admin/bank-accounts/{subject_id}/refuse"),
)
_DASHBOARD: Final = Step(_("Say what it was for"), "/admin/payments/{subject_id}/dashboard-refund")
_IN_CODE: Final = _(
    "Compare the gateway's dashboard with the order's ledger, item by item. What is missing in the "
    "books needs a posting "
    "in code; hold the payout of the event until then. Then close the task."
)
_MONEY_OF_A_STRANGER: Final = _(
    "The gateway tells of money that we never sent. If a colleague has paid this refund by hand, "
    "book it. If nobody did, "
    "it is a breach: rotate the key now (runbook, “Data breach”)."
)
_REFUNDED_AT_DASHBOARD: Final = _(
    "Somebody refunded at the gateway's dashboard. Ask them what it was for, and say which tickets "
    "it was. It closes the "
    "task, and lets the organizer's payout go on."
)

RESOLUTIONS: Final[Mapping[str, Resolution]] = {
    "payment_underpaid": Resolution(
        _("Too little came in"),
        _("The buyer was asked for the rest. Nothing has to be done; you may decide earlier."),
        (*_REVIEW, Step(_("Ask for the rest once more"), "/admin/reviews/{subject_id}/top-up"), _ORDER),
        closes_itself=True,
    ),
    "payment_overpaid": Resolution(
        _("Too much came in"),
        _("The order waits for you. Accept a small difference; give a large one back, and let the buyer order again."),
        (*_REVIEW, _ORDER),
        closes_itself=True,
    ),
    "payment_wrong_currency": Resolution(
        _("A payment in another currency"),
        _("Nothing was booked. Give the money back at the gateway's dashboard, ask the gateway, then close the task."),
        (_ORDER,),
    ),
    "payment_reversed": Resolution(
        _("The bank took a payment back"),
        _("All is booked and the tickets are void. Look whether somebody got in, tell the organizer, close the task."),
        (_ORDER,),
    ),
    "payment_refunded_out_of_order": Resolution(_("Money went back without us"), _IN_CODE, (_ORDER,)),
    "payment_reversed_out_of_order": Resolution(_("The bank took money back without us"), _IN_CODE, (_ORDER,)),
    "payment_refunded": Resolution(
        _("Refunded at the dashboard"), _REFUNDED_AT_DASHBOARD, (_DASHBOARD, _ORDER), closes_itself=True
    ),
    "payment_partially_refunded": Resolution(
        _("Partly refunded at the dashboard"), _REFUNDED_AT_DASHBOARD, (_DASHBOARD, _ORDER), closes_itself=True
    ),
    "payment_charged_back": Resolution(
        _("A card's owner disputes the payment"),
        _(
            "Answer the gateway in time with the order, its tickets and the scans. Lost: book it here. Won: close the "
            "task. Payouts keep the organizer's share back until then."
        ),
        (Step(_("Book it as lost"), "/admin/payments/{subject_id}/dispute-lost"), _ORDER),
    ),
    "payment_unknown": Resolution(
        _("A word of the gateway that we do not know"),
        _("Nothing was changed. Look it up in the gateway's documents, decide by its dashboard, then close the task."),
        (_ORDER, _WEBHOOKS),
    ),
    "refund_by_hand": Resolution(
        _("A refund to be paid by hand"),
        _("Pay it at Xendit's dashboard with the refund's id as its reference, then book it here. It closes the task."),
        (_PAID_BY_HAND, _SEND_REFUND, _REFUND),
        closes_itself=True,
    ),
    "refund_failed": Resolution(
        _("A refund came back"),
        _("The buyer was asked for another account; set, it is sent by itself. Was only the bank away, send it again."),
        (_SEND_REFUND, _PAID_BY_HAND, _REFUND),
        closes_itself=True,
    ),
    "refund_undecided": Resolution(
        _("Nobody has decided about a refund"),
        _("The event is over and its organizer is being paid without this amount. Ask them, then decide."),
        (
            Step(_("Approve it"), "/admin/refunds/{subject_id}/approve"),
            Step(_("Decline it"), "/admin/refunds/{subject_id}/reject"),
            _REFUND,
        ),
        closes_itself=True,
    ),
    "refund_disputed": Resolution(
        _("The gateway refuses our refund"),
        _(
            "More went back than we had sent: at the dashboard, or as the card's owner disputes the payment. Answer "
            "the dispute, or refund there what is missing, if anything, then book it."
        ),
        (_PAID_BY_HAND, _REFUND),
        closes_itself=True,
    ),
    "payout_self_dealing": Resolution(
        _("An organizer may have used the platform's codes"),
        _(
            "Look at the orders, ask the organizer. Honest: close the task, the next run pays. Not honest: "
            "refund these "
            "orders, switch the code off, then close it."
        ),
        (
            Step(_("The event"), "/admin/events/{subject_id}"),
            Step(_("Its orders"), "/organizer/events/{subject_id}/orders"),
            Step(_("The promo codes"), "/admin/promos"),
        ),
    ),
    "payout_failed": Resolution(
        _("A payout failed"),
        _("A new bank account sends it by itself. Is the account right and was the bank away, send it again."),
        (Step(_("Send it again"), "/admin/payouts/{subject_id}/retry"), Step(_("The payouts"), "/admin/payouts")),
        closes_itself=True,
    ),
    "bank_account_unanswered": Resolution(
        _("The bank does not say whose an account is"),
        _("Look at the gateway. If it stays silent, compare the documents yourself and decide."),
        _DECIDE_ACCOUNT,
        closes_itself=True,
    ),
    "bank_account_name_differs": Resolution(
        _("A bank account has another name"),
        _(
            "Ask for papers by a way that you already knew. Finishing the task decides nothing: decide "
            "about the account."
        ),
        _DECIDE_ACCOUNT,
        closes_itself=True,
    ),
    "bank_account_frozen": Resolution(
        _("Somebody stopped a bank account"),
        _("Take it for a stolen session: reach the owner by a way that you already knew. They set an account again."),
        (_ACCOUNT, Step(_("It was a mistake: release it"), "/admin/bank-accounts/{subject_id}/release")),
        closes_itself=True,
    ),
    "clearing_difference": Resolution(
        _("Books and gateway differ"),
        _(
            "See what each side says. A refund paid by hand and not booked: book it. Anything else is put "
            "right in code."
        ),
        (_SEARCH, Step(_("If it is a refund: book it as paid by hand"), "/admin/refunds/{subject_id}/paid-by-hand")),
    ),
    "settlement_difference": Resolution(
        _("A settlement report, the books or the bank differ"),
        _("The page of the difference says what it means and what to do. Booking or matching it closes the task."),
        (
            Step(_("The difference"), "/admin/settlements/differences/{subject_id}"),
            _ORDER,
            Step(_("The arrivals"), "/admin/settlements/arrivals"),
        ),
    ),
    "unknown_refund": Resolution(
        _("A refund that we never asked for"), _MONEY_OF_A_STRANGER, (_SEARCH_REFERENCE, _WEBHOOKS)
    ),
    "unknown_payout": Resolution(
        _("A transfer that we never asked for"),
        _MONEY_OF_A_STRANGER,
        (
            _SEARCH_REFERENCE,
            Step(_("If it is a refund: book it as paid by hand"), "/admin/refunds/{reference}/paid-by-hand"),
            _WEBHOOKS,
        ),
    ),
    "webhook_failed": Resolution(
        _("A webhook could not be processed"),
        _("Reconcile goes on trying. Once the cause is gone, replay it."),
        (Step(_("The dead letters"), "/admin/dead-letters"), Step(_("The webhooks"), "/admin/webhooks")),
        closes_itself=True,
    ),
    "ticket_issue_failed": Resolution(
        _("Tickets could not be made"),
        _(
            "Repair what stops it. Reconcile then makes them within five minutes, or at once; the task "
            "closes by itself."
        ),
        (Step(_("The order"), "/admin/orders/{subject_id}"), Step(_("Run reconcile"), "/admin/reconcile")),
        closes_itself=True,
    ),
    "mail_failed": Resolution(
        _("A mail could not be sent"),
        _("Was the mail service away, send it again. Is the address wrong, close the task: tickets can be downloaded."),
        (Step(_("Send it again"), "/admin/mails/{subject_id}/send-again"), Step(_("The mails"), "/admin/mails")),
        closes_itself=True,
    ),
    "chat_delivery_failed": Resolution(
        _("Something bought in a chat did not arrive there"),
        _("They get it again by writing TIKET. Is WhatsApp not to be reached, call their number; then close the task."),
        (Step(_("The order"), "/admin/orders/{subject_id}"), Step(_("The buyer"), "/admin/users/{user_id}")),
    ),
    "chat_undelivered": Resolution(
        _("Somebody in a chat was not reached"),
        _("They have no address. Call their number or write to them, then close the task (runbook)."),
        (Step(_("The order"), "/admin/orders/{subject_id}"),),
    ),
    "chat_handover": Resolution(
        _("Somebody in a chat asks for a person"),
        _("Answer them within 24 hours of their last message, then close the task (runbook)."),
        (_SEARCH,),
    ),
}
OTHER: Final = Resolution(_("Something else"), _("Look into the runbook, then close the task with a note."), (_SEARCH,))


def resolution_of(kind: str) -> Resolution:
    """The resolution of a kind of task."""
    return RESOLUTIONS.get(kind, OTHER)


def steps_of(task: ManualTaskResponse) -> list[tuple[str, str]]:
    """The labels and addresses of a task's steps, without those that name something the task does not know."""
    known = {name: quote(str(value), safe="") for name, value in _names(task).items() if value}
    found = []
    for step in resolution_of(task.kind).steps:
        try:
            found.append((step.label, step.address.format_map(known)))
        except KeyError:
            continue
    return found


def _names(task: ManualTaskResponse) -> dict[str, Any]:
    return {**task.details, "subject_id": task.subject_id}
