"""Forms: what they send, against the same models as the API; what is wrong, field by field in the page's language."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import MultiDict

from shared.cloud.database import Transaction, transaction
from shared.identity.tokens import Principal
from shared.problems import NotFound, Problem
from shared.web import csrf, wording
from shared.web.pages import Language, Page, PageRequest, Redirect

M = TypeVar("M", bound=BaseModel)


def read(model: type[M], given: dict[str, Any], language: Language) -> tuple[M | None, dict[str, str]]:
    """The model of a form's values, or what is wrong with each field."""
    try:
        return model.model_validate(given, strict=False), {}
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)
        return None, {
            str(each["loc"][0]) if each["loc"] else "form": wording.translate(wording.message(each), language)
            for each in wrong
        }


def non_empty(form: "MultiDict[str, str]", *names: str) -> dict[str, str]:
    """The values of these fields, without those that were left empty."""
    return {name: value for name in names if (value := form.get(name, "").strip())}


def whole_number(given: str, most: int) -> int | None:
    """A number that somebody typed, `most` where it is more; None for what is no number."""
    return min(int(given[:9]), most) if given.isascii() and given.isdigit() else None


def try_to(act: Callable[[Transaction], object]) -> Problem | None:
    """Run `act` in a transaction. Returns the problem that refuses it, to show on the page; None if it is done.

    Raises NotFound, which has a page of its own.
    """
    try:
        with transaction() as tx:
            act(tx)
    except NotFound:
        raise
    except Problem as problem:
        return problem
    return None


class FormPage(Protocol):
    """The page of a form, with what is wrong with it."""

    def __call__(self, *, errors: dict[str, str] | None = None, problem: Problem | None = None) -> Page:
        """The page."""


def submit(
    request: PageRequest,
    model: type[M],
    fields: Sequence[str],
    act: Callable[[Transaction, M], object],
    *,
    page: FormPage,
    done: str,
) -> Page | Redirect:
    """Read these fields and act on them in a transaction; then go on at `done`, or show what is wrong on `page`.

    Raises NotFound.
    """
    wanted, errors = read(model, non_empty(request.form, *fields), request.language)
    if wanted is None:
        return page(errors=errors)
    problem = try_to(lambda tx: act(tx, wanted))
    return page(problem=problem) if problem else Redirect(done)


def idempotency_key(form: "MultiDict[str, str]") -> str | None:
    """The key of the rendered form: sent twice, it acts once."""
    try:
        return str(UUID(form.get("key", "")))
    except ValueError:
        return None


def csrf_token(viewer: Principal | None) -> str:
    """The token for the forms of a session, for browsers that do not say where a form comes from."""
    return csrf.token(viewer.session_id) if viewer and viewer.session_id else ""


def target(request: PageRequest, otherwise: str) -> str:
    """The address where a person goes on, as the form or the query says."""
    return safe_next(request.form.get("next", "") or request.query.get("next", ""), otherwise)


def safe_next(given: str, otherwise: str) -> str:
    """An address of ours to go on at; `otherwise` for any other, as strangers write links too."""
    is_ours = given.startswith("/") and not given.startswith(("//", "/\\")) and "\\" not in given
    return given if is_ours and given.isprintable() else otherwise
