"""Actions of the admin desk: a page that names the effect and asks, then the action, once.

    GET    what will happen, in words and rupiah, and what has to be typed
    POST   the action, if the effect is still the one that was shown; else the page asks again
    then   back to where the admin came from, which says that it is done

Where somebody else was quicker, the page says what they did, and that nothing happened now. An action that moves money
asks for a fresh proof in between, and then goes on with what was typed.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel

from shared.cloud import authorization
from shared.cloud.database import Transaction, transaction
from shared.identity.tokens import Principal
from shared.models import RequestModel
from shared.problems import NotFound, Problem
from shared.site import forms, rendering
from shared.site.organizer import inputs
from shared.web import AdminOfDesk, App
from shared.web.pages import Language, Page, PageRequest, Redirect

SHOWN_DIGEST: Final = "seen"
"""The hidden field with the digest of the effect that was shown."""


class NoInput(RequestModel):
    """The form of an action that asks for nothing."""


@dataclass(frozen=True)
class Choice:
    """A value that can be chosen in a form, and its label."""

    value: str
    label: str


@dataclass(frozen=True)
class Field:
    """A field of an action's form: text, an amount, one of some choices, any of them (`many`), or a tick (`check`)."""

    name: str
    label: str
    hint: str = ""
    kind: Literal["text", "amount", "choice", "many", "check"] = "text"
    choices: Sequence[Choice] = ()
    max_length: int = 500


@dataclass(frozen=True)
class Confirmation:
    """The title, the effects and the form of an action. `record` is the page of its subject's record."""

    title: str
    effects: Sequence[str]
    button: str
    fields: Sequence[Field] = ()
    record: str = ""
    is_danger: bool = False

    @property
    def digest(self) -> str:
        """The effect that the page shows, for the form to remember."""
        shown = [self.title, *self.effects, *(choice.value for field in self.fields for choice in field.choices)]
        return hashlib.sha256("\n".join(shown).encode()).hexdigest()[:16]


Confirm = Callable[[Transaction, Principal, UUID, Language], Confirmation]
Act = Callable[[Transaction, Principal, UUID, Any], object]
Proof = Callable[[Principal], None]


def no_proof(_admin: Principal) -> None:
    """Ask for no proof: for actions that move no money and give nobody a right."""


@dataclass(frozen=True)
class Action:
    """An action about the `{subject_id}` of its path. `back`, which may name it too, is where one goes back to.

    `proof` says how lately an admin must have proved who they are: as the API's operation demands it.
    """

    path: str
    subject: str
    back: str
    confirm: Confirm
    act: Act
    model: type[BaseModel] = NoInput
    proof: Proof = no_proof


ALL: Final[list[Action]] = []
"""Every action that is registered."""


def register(pages: App, *actions: Action) -> None:
    """Declare the page and the form of each action."""
    for action in actions:
        ALL.append(action)
        _register(pages, action)


def _register(pages: App, action: Action) -> None:
    @pages.page(action.path)
    def show(request: PageRequest, subject_id: UUID, admin: AdminOfDesk) -> Page | Redirect:
        """Show the effects of the action, and its form."""
        action.proof(admin)
        return _show(request, admin, action, subject_id)

    @pages.form(action.path)
    def act(request: PageRequest, subject_id: UUID, admin: AdminOfDesk) -> Page | Redirect:
        """Act, if it does what the page has said."""
        action.proof(admin)
        return _act(request, admin, action, subject_id)


def _show(request: PageRequest, admin: Principal, action: Action, subject_id: UUID) -> Page:
    back = _back(request, action, subject_id)
    confirmation = _confirmation(request, admin, action, subject_id)
    if isinstance(confirmation, Problem):
        return _refused(request, admin, back, confirmation)
    return _page(request, admin, back, confirmation)


def _act(request: PageRequest, admin: Principal, action: Action, subject_id: UUID) -> Page | Redirect:
    back = _back(request, action, subject_id)
    confirmation = _confirmation(request, admin, action, subject_id)
    if isinstance(confirmation, Problem):
        return _refused(request, admin, back, confirmation)
    wanted, errors = forms.read(action.model, _form_values(request, confirmation), request.language)
    if wanted is None:
        return _page(request, admin, back, confirmation, errors=errors)
    if request.form.get(SHOWN_DIGEST) != confirmation.digest:
        return _page(request, admin, back, confirmation, has_changed=True)
    refused = forms.try_to(lambda tx: action.act(tx, admin, subject_id, wanted))
    if refused is None:
        return Redirect(with_done(back))
    if errors := inputs.errors_of(refused, request.language):
        return _page(request, admin, back, confirmation, errors=errors)
    return _refused(request, admin, back, refused)


def with_done(address: str) -> str:
    """The address of a page that is to say that an action is done."""
    return f"{address}{'&' if '?' in address else '?'}done=yes"


def _confirmation(request: PageRequest, admin: Principal, action: Action, subject_id: UUID) -> Confirmation | Problem:
    """The confirmation as it is now, or why the action is not possible any more. The access to its subject is audited.

    Raises NotFound.
    """
    try:
        with transaction() as tx:
            found = action.confirm(tx, admin, subject_id, request.language)
            authorization.check_access(tx, admin, subject=action.subject, subject_id=subject_id)
            return found
    except NotFound:
        raise
    except Problem as problem:
        return problem


def _form_values(request: PageRequest, confirmation: Confirmation) -> dict[str, Any]:
    typed: dict[str, Any] = {}
    for field in confirmation.fields:
        if field.kind == "many":
            typed[field.name] = request.form.getlist(field.name)
        elif field.kind == "check":
            typed[field.name] = request.form.get(field.name) == "true"
        elif words := request.form.get(field.name, "").strip():
            typed[field.name] = inputs.amount(words) if field.kind == "amount" else words
    return typed


def _back(request: PageRequest, action: Action, subject_id: UUID) -> str:
    return forms.target(request, action.back.format(subject_id=subject_id))


def _page(
    request: PageRequest,
    admin: Principal,
    back: str,
    confirmation: Confirmation,
    *,
    errors: dict[str, str] | None = None,
    has_changed: bool = False,
) -> Page:
    return rendering.form_page(
        "admin/action.html",
        request,
        viewer=admin,
        errors=errors,
        given=request.form or request.query,
        confirmation=confirmation,
        has_changed=has_changed,
        back=back,
    )


def _refused(request: PageRequest, admin: Principal, back: str, problem: Problem) -> Page:
    return rendering.form_page("admin/refused.html", request, viewer=admin, problem=problem, back=back)
