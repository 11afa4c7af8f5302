"""Pages for browsers: the requests that handlers get, and the results that become HTML responses.

A page that is the same for everybody sets `keep`; it neither sets nor reads cookies. Every other page is private.
Scripts, styles, pictures and connections come from our own origin only, and nothing is inline (SEC-009).
"""

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal
from urllib.parse import urlsplit

from flask import Request, Response
from werkzeug.datastructures import MultiDict
from werkzeug.http import quote_etag

from shared.cloud.settings import settings
from shared.identity.client_networks import UNKNOWN_CLIENT, ClientNetwork
from shared.identity.sessions import Tokens
from shared.models import File
from shared.problems import Malformed, Problem, UnsupportedMediaType
from shared.web import cookie_mode, cookies, csrf, page_sessions, rendering, requests
from shared.web.caching import CachePolicy

Language = Literal["id", "en"]
LANGUAGE_COOKIE = "language"
LANGUAGE_SECONDS = 365 * 86_400
_FORM = "application/x-www-form-urlencoded"
_ENGLISH_FIRST = re.compile(r"\s*en\b", re.IGNORECASE)

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:{pictures}; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), screen-wake-lock=(self)"
_HEADERS = {
    # no-referrer would make a form's POST say `Origin: null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": PERMISSIONS_POLICY,
}


@dataclass(frozen=True)
class PageRequest:
    """A page's request. `language` is the one that was chosen last, or that the browser prefers."""

    path: str
    query: "MultiDict[str, str]" = field(default_factory=MultiDict)
    form: "MultiDict[str, str]" = field(default_factory=MultiDict)
    language: Language = "id"
    chosen: Language | None = None
    """The language that this very request asks for, to be remembered."""
    client: ClientNetwork = UNKNOWN_CLIENT
    return_to: str = ""
    """The address to return to afterwards: this one, or for a form that of its page. Empty: unknown."""
    is_form: bool = False
    """True if it sends a form."""


@dataclass(frozen=True)
class Page:
    """A page. With `keep` it is public, and browsers and the CDN may keep it."""

    html: str
    status: int = 200
    keep: CachePolicy | None = None
    content_type: str = "text/html; charset=utf-8"
    tokens: Tokens | None = None
    language: Language | None = None
    age_seconds: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Redirect:
    """Go on at another address (303): after a form, so that reloading repeats nothing."""

    location: str
    tokens: Tokens | None = None
    ends_session: bool = False
    language: Language | None = None
    google_key: str | None = None
    """Binds the sign-in with Google that begins here to this browser."""
    sends_form_again: bool = False
    """True if the browser is to send the form it has just sent to the other address (307)."""


@dataclass(frozen=True)
class Asset:
    """A file of the pages, under a name that changes with its content: kept for a year."""

    content: bytes
    content_type: str
    cache_control: str = "public, max-age=31536000, immutable"
    policy: str | None = None
    """Its Content-Security-Policy, if it needs one: a worker may connect only as the policy of its script allows."""


ErrorPage = Callable[[Problem, str, PageRequest], Page | Redirect]
"""Renders a problem as a page, or redirects to its remedy; it is given the request's correlation id."""


def read(request: Request) -> PageRequest:
    """The request of a page. Raises Malformed, UnsupportedMediaType, and what requests.raw_body raises."""
    form: MultiDict[str, str] = MultiDict()
    if request.method == "POST":
        if request.mimetype not in (_FORM, ""):
            raise UnsupportedMediaType
        requests.raw_body(request)  # no form is larger than any other body
        form = request.form
    brief = read_briefly(request)
    if any("\x00" in value for values in (request.args, form) for value in values.values()):
        raise Malformed("The form holds a NUL character, which no text may. Leave it out.")
    return replace(brief, form=form, client=cookie_mode.client_of(request))


def read_briefly(request: Request) -> PageRequest:
    """The address and language of a request alone, which can be read even if its form cannot."""
    chosen = _language(request.args.get("lang")) or _language(request.path.strip("/").partition("/")[0])
    remembered = _language(request.cookies.get(LANGUAGE_COOKIE))
    return PageRequest(
        request.path,
        request.args,
        language=chosen or remembered or _preferred(request),
        chosen=chosen,
        return_to=_return_to(request),
        is_form=request.method == "POST",
    )


def read_refused(request: Request) -> PageRequest:
    """The request of a page that was refused: with its form, where that can be read, so that it can be sent again."""
    with suppress(Problem):
        return read(request)
    return read_briefly(request)


def respond(result: Page | Redirect | Asset | File, request: Request) -> Response:
    """The response for what a page's handler returned."""
    if isinstance(result, File):
        response = rendering.response(result, 200)
        page_sessions.keep(request, response)
        return response
    if isinstance(result, Asset):
        response = Response(result.content, content_type=result.content_type)
        response.headers["Cache-Control"] = result.cache_control
        if result.policy:
            response.headers["Content-Security-Policy"] = result.policy
        response.headers["ETag"] = quote_etag(_digest(result.content))
        response.make_conditional(request)
        return response
    if isinstance(result, Redirect):
        status = 307 if result.sends_form_again else 303
        response = Response(status=status, headers={"Location": result.location})
        page_sessions.keep(request, response, tokens=result.tokens, ends=result.ends_session)
        _remember(response, result.language)
        if result.google_key:
            cookies.set_google_key(response, result.google_key)
        return response
    return _page(result, request)


def error(result: Page | Redirect, problem: Problem, request: Request) -> Response:
    """The error page's response to a problem. It is never cached."""
    response = respond(result, request)
    if problem.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(problem.retry_after_seconds)
    return response


def public_headers() -> dict[str, str]:
    """The headers of every page, also of one that a bucket shows (infra/terraform/load_balancer.tf)."""
    return {**_HEADERS, "Content-Security-Policy": CONTENT_SECURITY_POLICY.format(pictures=_pictures())}


def _page(page: Page, request: Request) -> Response:
    response = Response(page.html, status=page.status, content_type=page.content_type)
    response.headers.update(public_headers())
    response.headers.update(page.headers)
    if page.keep:
        response.headers["Cache-Control"] = page.keep.directives(page.age_seconds)
        response.headers["ETag"] = quote_etag(_digest(response.get_data()))
        response.make_conditional(request)
        return response
    _make_conditional(response, request)
    page_sessions.keep(request, response, tokens=page.tokens)
    _remember(response, page.language)
    return response


def _make_conditional(response: Response, request: Request) -> None:
    """Respond with 304 to a script that has this version of the page; browsers keep no private page themselves."""
    if request.method == "GET" and response.status_code == 200:
        response.headers["ETag"] = quote_etag(_digest(response.get_data()))
        response.make_conditional(request)


def _remember(response: Response, language: Language | None) -> None:
    if language:
        response.set_cookie(
            LANGUAGE_COOKIE, language, max_age=LANGUAGE_SECONDS, path="/", httponly=True, samesite="Lax"
        )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


@lru_cache(maxsize=1)
def _pictures() -> str:
    """The origin of banners, as a source of the policy; nothing where that is our own."""
    where = urlsplit(settings().media_base_url)
    origin = f"{where.scheme}://{where.netloc}"
    return "" if settings().public_url.startswith(origin) else f" {origin}"


def _return_to(request: Request) -> str:
    if request.method != "POST":
        return _address(request.path, request.query_string.decode("utf-8", "replace"))
    came_from = urlsplit(request.referrer or "")
    is_ours = csrf.is_our_origin(f"{came_from.scheme}://{came_from.netloc}", request)
    return _address(came_from.path, came_from.query) if is_ours else ""


def _address(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path


def _language(given: str | None) -> Language | None:
    return "id" if given == "id" else "en" if given == "en" else None


def _preferred(request: Request) -> Language:
    return "en" if _ENGLISH_FIRST.match(request.headers.get("Accept-Language", "")) else "id"
