"""Problems as pages: what happened, and what to do next (U-003)."""

from shared.problems import NotFound, NotSignedIn, Problem
from shared.site import rendering
from shared.web.limits import TooManyRequests
from shared.web.pages import Page, PageRequest


def problem_page(problem: Problem, correlation_id: str, request: PageRequest) -> Page:
    """The page for a problem that a page's handler raised."""
    return rendering.page(
        "error.html",
        request,
        status=problem.status,
        kind=_kind(problem),
        detail=problem.detail,
        correlation_id=correlation_id,
        retry_after=problem.retry_after_seconds,
    )


def _kind(problem: Problem) -> str:
    if isinstance(problem, NotFound):
        return "not_found"
    if isinstance(problem, NotSignedIn):
        return "signed_out"
    if isinstance(problem, TooManyRequests):
        return "too_many"
    if problem.status >= 500:
        return "busy" if problem.status == 503 else "broken"
    return "refused"
