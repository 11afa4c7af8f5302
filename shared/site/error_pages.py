"""Problems as pages: what happened, and what to do next (U-003).

Who has to sign in, to prove who they are once more, or to set up a second factor is led there, and back again.
"""

from urllib.parse import urlencode

from shared.identity.principals import FreshProofRequired, SecondFactorRequired
from shared.problems import Forbidden, NotFound, NotSignedIn, Problem
from shared.site import confirmation, refusals, rendering
from shared.web.pages import Page, PageRequest, Redirect
from shared.web.rate_limits import TooManyRequests

SIGN_IN = "/login"
SECOND_FACTOR = "/account/second-factor"


def problem_page(problem: Problem, correlation_id: str, request: PageRequest) -> Page | Redirect:
    """The page for a problem that a page's handler raised; who is not signed in goes on where they can be."""
    if isinstance(problem, NotSignedIn):
        return Redirect(_sign_in_and_return(request))
    if isinstance(problem, SecondFactorRequired):
        return Redirect(f"{SECOND_FACTOR}?{urlencode({'next': request.return_to})}")
    if isinstance(problem, FreshProofRequired) and problem.caller:
        return confirmation.interrupt(request, problem.caller)
    return rendering.page(
        "error.html",
        request,
        status=problem.status,
        kind=_kind(problem),
        refusal=refusals.of(problem, request.language),
        is_forbidden=isinstance(problem, Forbidden),
        correlation_id=correlation_id,
        retry_after=problem.retry_after_seconds,
    )


def _sign_in_and_return(request: PageRequest) -> str:
    """The address of the sign-in page, which brings a person back to where they are."""
    if not request.return_to:
        return SIGN_IN
    if request.path == SIGN_IN:
        return request.return_to
    unsent = {"unsent": "yes"} if request.is_form else {}
    return f"{SIGN_IN}?{urlencode({'next': request.return_to, **unsent})}"


def _kind(problem: Problem) -> str:
    if isinstance(problem, NotFound):
        return "not_found"
    if isinstance(problem, TooManyRequests):
        return "too_many"
    if problem.status >= 500:
        return "busy" if problem.status == 503 else "broken"
    return "refused"
