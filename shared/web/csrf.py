"""Cross-site request forgery: a request with our cookies must come from our own pages (SEC-010).

A request that changes something and is authenticated by a cookie is checked in this order:

    Sec-Fetch-Site   every browser since 2023 says where a request comes from; only our own origin may
    Origin           older ones say this with a POST; it must be the host they call, or our public address
    a token          where neither is said: `X-CSRF-Token`, or the form's field `csrf_token`

The token is an HMAC over the session's id, so it is good for one session and needs no cookie of its own.
Requests with an Authorization header need none of this: no browser adds that by itself.
"""

import hmac
from uuid import UUID

from flask import Request

from shared.cloud.secrets import secret
from shared.cloud.settings import settings
from shared.identity import tokens
from shared.problems import Forbidden
from shared.web import cookies, requests

HEADER = "X-CSRF-Token"
FIELD = "csrf_token"
_SAFE = {"GET", "HEAD", "OPTIONS"}
_FORM = "application/x-www-form-urlencoded"


class CsrfRefused(Forbidden):
    """This request does not seem to come from our own pages. Reload the page and try again."""

    slug = "csrf"


def token(session_id: UUID) -> str:
    """The token to put into the forms of a session (`Principal.session_id`)."""
    return hmac.digest(secret(tokens.KEY).encode(), b"csrf:" + session_id.bytes, "sha256").hex()


def check(request: Request) -> None:
    """Refuse a request that another site may have made a browser send. Raises CsrfRefused."""
    if request.method in _SAFE or is_from_our_pages(request) or _has_token(request):
        return
    raise CsrfRefused


def check_navigation(request: Request) -> None:
    """Refuse a GET that records something where a link of another site leads there. Raises CsrfRefused.

    A browser sends our cookies with such a link, and with nothing else of another site (SameSite=Lax).
    """
    if request.headers.get("Sec-Fetch-Mode") == "navigate" and not is_from_our_pages(request):
        raise CsrfRefused


def is_from_our_pages(request: Request) -> bool:
    """True if the browser says so."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")  # none: the person themselves, by a bookmark or a reload
    origin = request.headers.get("Origin")
    return origin is not None and is_our_origin(origin, request)


def has_no_origin(request: Request) -> bool:
    """True if the request does not tell where it comes from.

    `Origin: null` says nothing: a page whose policy is no-referrer sends it, and so does a sandboxed frame.
    """
    return "Sec-Fetch-Site" not in request.headers and request.headers.get("Origin", "null") == "null"


def is_our_origin(origin: str, request: Request) -> bool:
    """True if this is the origin that the request was sent to, or our public one."""
    scheme = "http" if settings().secure_cookies == "off" else "https"
    return origin in (settings().public_url.rstrip("/"), f"{scheme}://{request.headers.get('Host')}")


def _has_token(request: Request) -> bool:
    if not has_no_origin(request):
        return False
    given = request.headers.get(HEADER) or _form_field(request)
    caller = tokens.principal_of(cookies.access_token(request) or "")
    if not given or caller is None or caller.session_id is None:
        return False
    return hmac.compare_digest(given.encode(), token(caller.session_id).encode())


def reads_body(request: Request) -> bool:
    """True if the token may be in a form's field, so that the body has to be read."""
    return request.method not in _SAFE and request.mimetype == _FORM


def _form_field(request: Request) -> str | None:
    if not reads_body(request):
        return None
    requests.raw_body(request)  # no form is larger than any other body
    return request.form.get(FIELD)
