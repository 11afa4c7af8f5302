"""Dead letters: replayed or discarded, many at once (PS-028)."""

import json
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from shared.cloud import authorization, dead_letters
from shared.cloud.database import transaction
from shared.cloud.dead_letters import DeadLetterQuery, DeadLetterResponse, Decision
from shared.cloud.logs import mask
from shared.identity.tokens import Principal
from shared.problems import NotFound, Problem
from shared.site import forms, lists, refusals, rendering
from shared.site.admin import actions
from shared.site.refusals import Refusal
from shared.web import AdminOfDesk, App, SteppedUpAdminOfDesk
from shared.web.pages import Page, PageRequest, Redirect

LIST: Final = "/admin/dead-letters"
MAX_AT_ONCE: Final = 100
DECISIONS: Final = {"replay": dead_letters.replay, "discard": dead_letters.discard}

pages = App("site")


@pages.page(LIST)
def listing(request: PageRequest, admin: AdminOfDesk) -> Page:
    """The dead letters that wait for a decision, or those that are decided, oldest first."""
    return _list(request, admin)


@pages.page(f"{LIST}/decide")
def confirm(request: PageRequest, admin: SteppedUpAdminOfDesk) -> Page | Redirect:
    """The chosen dead letters, and what becomes of them."""
    chosen = _ids(request.query.getlist("letter"))
    if not chosen:
        return Redirect(f"{LIST}?chosen=none")
    return _confirm(request, admin, chosen)


@pages.form(f"{LIST}/decide")
def decide(request: PageRequest, admin: SteppedUpAdminOfDesk) -> Page | Redirect:
    """Replay or discard each of the chosen, with a reason."""
    chosen, act = _ids(request.form.getlist("letter")), request.form.get("decision", "")
    reason, errors = forms.read(Decision, forms.non_empty(request.form, "reason"), request.language)
    if reason is None or act not in DECISIONS:
        return _confirm(request, admin, chosen, errors=errors)
    failed = _decide_each(request, admin, chosen, act, reason)
    return _list(request, admin, failed=failed) if failed else Redirect(actions.with_done(LIST))


def _decide_each(
    request: PageRequest, admin: Principal, chosen: list[UUID], act: str, reason: Decision
) -> list[Refusal]:
    """Decide about each in a transaction of its own; the refusals of those that somebody else has decided about."""
    failed = []
    for letter_id in chosen:
        try:
            with transaction() as tx:
                DECISIONS[act](tx, letter_id, reason, by=str(admin.id))
        except Problem as problem:
            failed.append(refusals.of(problem, request.language))
    return failed


def _ids(given: list[str]) -> list[UUID]:
    """The dead letters that a form names. Raises NotFound for what is none."""
    try:
        return list(dict.fromkeys(UUID(each) for each in given[:MAX_AT_ONCE]))
    except ValueError as error:
        raise NotFound from error


def _list(request: PageRequest, admin: Principal, *, failed: list[Refusal] | None = None) -> Page:
    filters = forms.non_empty(request.query, "status")
    wanted, _ = forms.read(DeadLetterQuery, {**filters, **lists.page_of(request)}, request.language)
    wanted = wanted or DeadLetterQuery()
    with transaction() as tx:
        authorization.record_list_access(tx, admin, subject="dead_letter")
        found = dead_letters.list_page(tx, wanted)
    return rendering.form_page(
        "admin/dead_letters.html",
        request,
        viewer=admin,
        address=LIST if failed else "",
        listing=found,
        chosen=wanted.status,
        payloads={each.id: _payload(each) for each in found.items},
        failed=failed or [],
        is_none_chosen=request.query.get("chosen") == "none",
    )


def _confirm(
    request: PageRequest, admin: Principal, chosen: list[UUID], *, errors: dict[str, str] | None = None
) -> Page:
    with transaction() as tx:
        letters = [dead_letters.read(tx, letter_id) for letter_id in chosen]
        for letter in letters:
            authorization.check_access(tx, admin, subject="dead_letter", subject_id=letter.id)
    return rendering.form_page(
        "admin/dead_letter_decision.html",
        request,
        viewer=admin,
        errors=errors,
        address=f"{LIST}/decide?{urlencode([('letter', each) for each in chosen])}",
        letters=[each for each in letters if each.decision is None],
        payloads={each.id: _payload(each) for each in letters},
    )


def _payload(letter: DeadLetterResponse) -> str:
    """The payload as text, without personal data: what was not readable may hold any."""
    return mask(json.dumps(letter.payload, ensure_ascii=False, indent=1))
