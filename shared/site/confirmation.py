"""Asking for a proof of who somebody is, in the middle of something, and going on with it afterwards (UM-004, step-up).

    a page was asked for   the proof is asked for at /account/confirm, which leads back to the page
    a form was sent        the proof is asked for on a page that holds the form's fields, hidden; once the proof is good
                           the browser sends that same form again, to the address that refused it (307)

So nothing that was typed is lost, and no server keeps it. A form that is held was sent by one of our own pages: others
are refused before (web/csrf), and so they are when it is sent again.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from shared.cloud.database import snapshot
from shared.identity import reauthentication
from shared.identity.sessions import Tokens
from shared.identity.tokens import Principal
from shared.problems import Problem
from shared.site import forms, rendering
from shared.web.pages import Page, PageRequest, Redirect

PATH = "/account/confirm"
ACCOUNT = "/account"
_PREFIX = "confirm_"
"""The prefix of our own fields beside those of a form that is held."""
_TARGET = f"{_PREFIX}target"


@dataclass(frozen=True)
class Interruption:
    """The request that goes on after a proof of identity: an address, perhaps with a form that is sent again."""

    target: str
    held: tuple[tuple[str, str], ...] | None = None

    @property
    def prefix(self) -> str:
        """The prefix of our own fields' names."""
        return _PREFIX if self.holds_form else ""

    @property
    def holds_form(self) -> bool:
        """True if a form is sent again."""
        return self.held is not None

    def resume(self, tokens: Tokens) -> Redirect:
        """Go on, with the tokens of who has proved who they are."""
        return Redirect(self.target, tokens=tokens, sends_form_again=self.holds_form)

    def given(self, form: "MultiDict[str, str]", *names: str) -> dict[str, str]:
        """Our own fields of these names, without those that were left empty."""
        return {name: value for name in names if (value := form.get(f"{self.prefix}{name}", "").strip())}


def interrupt(request: PageRequest, viewer: Principal) -> Page | Redirect:
    """Ask somebody for a proof before what they have asked for."""
    if not request.form:
        return Redirect(f"{PATH}?{urlencode({'next': request.return_to or ACCOUNT})}")
    address = f"{request.path}?{urlencode(list(request.query.items(multi=True)))}" if request.query else request.path
    return page(request, viewer, Interruption(address, tuple(request.form.items(multi=True))))


def read(request: PageRequest) -> Interruption:
    """The request that the page has interrupted."""
    target = request.form.get(_TARGET)
    if target is None:
        return Interruption(forms.target(request, ACCOUNT))
    kept = tuple((name, value) for name, value in request.form.items(multi=True) if not name.startswith(_PREFIX))
    return Interruption(forms.safe_next(target, ACCOUNT), kept)


def page(
    request: PageRequest,
    viewer: Principal,
    interruption: Interruption,
    *,
    is_sent: bool = False,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> Page:
    """The page that asks for the password or a mailed code, and for the second factor where there is one."""
    with snapshot() as tx:
        ways = reauthentication.ways(tx, viewer)
    return rendering.form_page(
        "confirm.html",
        request,
        viewer=viewer,
        errors={f"{interruption.prefix}{name}": words for name, words in (errors or {}).items()},
        problem=problem,
        address=address(interruption.target, is_sent=is_sent),
        interruption=interruption,
        is_sent=is_sent,
        ways=ways,
    )


def address(target: str, *, is_sent: bool = False) -> str:
    """The address to authenticate again at, which goes on to `target`."""
    return f"{PATH}?{urlencode({'next': target, **({'sent': 'yes'} if is_sent else {})})}"
