"""Approvals by a second admin: of an event's cancellation, and of the reset of an admin's second factor (FN-017)."""

from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from shared.catalog import events, own_events
from shared.cloud import authorization
from shared.cloud.database import Transaction, transaction
from shared.identity import approvals, people, principals
from shared.identity.approvals import AlreadyRequested, ApprovalQuery, ApprovalResponse, Declined, OwnRequest
from shared.identity.tokens import Principal
from shared.payments import approved_actions, cancellation
from shared.payments.cancellation import Cancellation
from shared.site import forms, lists, rendering
from shared.site.admin import actions
from shared.site.admin.actions import Action, Confirmation, Field, NoInput
from shared.site.admin.formatting import money
from shared.site.languages import gettext_noop as _
from shared.site.languages import translate
from shared.states import ApprovalAction
from shared.web import AdminOfDesk, App
from shared.web.pages import Language, Page, PageRequest

LIST: Final = "/admin/approvals"
TITLES: Final[Mapping[str, str]] = {
    ApprovalAction.EVENT_CANCELLATION: _("Cancel an event"),
    ApprovalAction.SECOND_FACTOR_RESET: _("Reset two-step verification"),
}
RECORD_PAGES: Final[Mapping[str, str]] = {
    ApprovalAction.EVENT_CANCELLATION: "/admin/events/{subject_id}",
    ApprovalAction.SECOND_FACTOR_RESET: "/admin/users/{subject_id}",
}
"""The page that tells all about what an approval is about."""

pages = App("site")

Effects = Callable[[Transaction, Principal, ApprovalResponse, Language], list[str]]


@pages.page(LIST)
def listing(request: PageRequest, admin: AdminOfDesk) -> Page:
    """The requests that wait for a second admin, or those that are decided or expired."""
    filters = forms.non_empty(request.query, "status")
    wanted, _errors = forms.read(ApprovalQuery, {**filters, **lists.page_of(request)}, request.language)
    wanted = wanted or ApprovalQuery()
    with transaction() as tx:
        authorization.record_list_access(tx, admin, subject="approval")
        found = approvals.list_page(tx, wanted)
        names = {each.id: _NAMES[each.action](tx, each.subject_id) for each in found.items}
    return rendering.form_page(
        "admin/approvals.html",
        request,
        viewer=admin,
        listing=found,
        chosen=wanted.status,
        titles={kind: translate(request.language, words) for kind, words in TITLES.items()},
        record_pages=RECORD_PAGES,
        names=names,
    )


def _confirm_request(tx: Transaction, admin: Principal, event_id: UUID, language: Language) -> Confirmation:
    event = own_events.read(tx, admin, event_id)
    if approvals.find_open(tx, ApprovalAction.EVENT_CANCELLATION, event_id):
        raise AlreadyRequested
    return Confirmation(
        translate(language, "Request to cancel “%(title)s”", title=event.title),
        [
            translate(language, "Nothing is cancelled yet: a second admin has to approve it within 24 hours."),
            *_cancellation_cost(tx, admin, event_id, language, waive_penalty=False),
        ],
        translate(language, "Request the cancellation"),
        [
            Field(
                "reason",
                translate(language, "Why is the event cancelled?"),
                translate(language, "It is kept with the cancellation."),
                max_length=1000,
            ),
            Field(
                "waive_penalty",
                translate(language, "Waive the organizer's penalty"),
                translate(language, "Where it is not the organizer's doing."),
                kind="check",
            ),
        ],
        record=f"/admin/events/{event_id}",
        is_danger=True,
    )


def _confirm_approve(tx: Transaction, admin: Principal, approval_id: UUID, language: Language) -> Confirmation:
    waiting = approvals.read_waiting(tx, approval_id)
    if waiting.requested_by == admin.id:
        raise OwnRequest
    approvals.require_no_new_admin(tx, admin.id)
    return Confirmation(
        translate(language, "Approve: %(what)s", what=translate(language, TITLES[waiting.action]).lower()),
        [*_request_summary(waiting, language), *_EFFECTS[waiting.action](tx, admin, waiting, language)],
        translate(language, "Approve: it happens at once"),
        record=RECORD_PAGES[waiting.action].format(subject_id=waiting.subject_id),
        is_danger=True,
    )


def _confirm_decline(tx: Transaction, admin: Principal, approval_id: UUID, language: Language) -> Confirmation:
    waiting = approvals.read_waiting(tx, approval_id)
    is_own = waiting.requested_by == admin.id
    what = translate(language, TITLES[waiting.action]).lower()
    return Confirmation(
        translate(language, "Take back: %(what)s", what=what)
        if is_own
        else translate(language, "Decline: %(what)s", what=what),
        [*_request_summary(waiting, language), translate(language, "Nothing happens. It can be requested again.")],
        translate(language, "Take it back") if is_own else translate(language, "Decline"),
        [Field("reason", translate(language, "Why?"), translate(language, "It is kept in the audit trail."))],
        record=RECORD_PAGES[waiting.action].format(subject_id=waiting.subject_id),
    )


def _request_summary(waiting: ApprovalResponse, language: Language) -> list[str]:
    return [
        translate(
            language, "Requested by %(name)s: “%(reason)s”", name=waiting.requested_by_name, reason=waiting.reason
        )
    ]


def _cancellation_cost(
    tx: Transaction, admin: Principal, event_id: UUID, language: Language, *, waive_penalty: bool
) -> list[str]:
    """The effects of an event's cancellation, in rupiah of this moment."""
    cost = cancellation.cost(tx, admin, event_id)
    penalty = 0 if waive_penalty else cost.penalty
    return [
        translate(
            language,
            "%(amount)s go back to the buyers, fees included. Paid orders: %(orders)s, tickets that end: %(tickets)s.",
            amount=money(language, cost.refunds),
            orders=cost.paid_orders,
            tickets=cost.tickets,
        ),
        translate(
            language,
            "The organizer loses %(earnings)s of earnings and pays a penalty of %(penalty)s.",
            earnings=money(language, cost.earnings),
            penalty=money(language, penalty),
        ),
        translate(language, "Sales stop at once, and every holder is told by mail. It cannot be undone."),
    ]


def _cancellation_effects(
    tx: Transaction, admin: Principal, waiting: ApprovalResponse, language: Language
) -> list[str]:
    event = own_events.read(tx, admin, waiting.subject_id)
    return [
        translate(language, "“%(title)s” is cancelled.", title=event.title),
        *_cancellation_cost(
            tx, admin, waiting.subject_id, language, waive_penalty=bool(waiting.details.get("waive_penalty"))
        ),
    ]


def _reset_effects(tx: Transaction, _admin: Principal, waiting: ApprovalResponse, language: Language) -> list[str]:
    return [
        translate(
            language,
            "Two-step verification of %(name)s is removed. At the next sign-in it has to be set up anew.",
            name=_person_name(tx, waiting.subject_id),
        ),
        translate(language, "All their sessions end, and a mail tells them."),
    ]


def _event_title(tx: Transaction, event_id: UUID) -> str:
    return events.get(tx, event_id).title


def _person_name(tx: Transaction, user_id: UUID) -> str:
    person = people.get(tx, user_id)
    return person.full_name if person else "–"


_NAMES: Final[Mapping[str, Callable[[Transaction, UUID], str]]] = {
    ApprovalAction.EVENT_CANCELLATION: _event_title,
    ApprovalAction.SECOND_FACTOR_RESET: _person_name,
}
"""The name of what an approval is about."""
_EFFECTS: Final[Mapping[str, Effects]] = {
    ApprovalAction.EVENT_CANCELLATION: _cancellation_effects,
    ApprovalAction.SECOND_FACTOR_RESET: _reset_effects,
}


def _request(tx: Transaction, admin: Principal, event_id: UUID, wanted: Cancellation) -> None:
    approved_actions.request_cancellation(tx, admin, event_id, wanted)


def _approve(tx: Transaction, admin: Principal, approval_id: UUID, _input: NoInput) -> None:
    approved_actions.approve(tx, admin, approval_id)


def _decline(tx: Transaction, admin: Principal, approval_id: UUID, declined: Declined) -> None:
    approvals.decline(tx, approval_id, declined, by=admin.id)


ACTIONS: Final = (
    Action(
        "/admin/events/{subject_id}/cancel",
        "event",
        LIST,
        _confirm_request,
        _request,
        Cancellation,
        proof=principals.require_step_up,
    ),
    Action(
        f"{LIST}/{{subject_id}}/approve", "approval", LIST, _confirm_approve, _approve, proof=principals.require_step_up
    ),
    Action(f"{LIST}/{{subject_id}}/decline", "approval", LIST, _confirm_decline, _decline, Declined),
)
actions.register(pages, *ACTIONS)
