"""The session of a browser on our pages: renewed with their requests, and safe from other sites' forms (SEC-010).

An access token lasts minutes, and nobody signs in that often: when a page is requested with an expired one, the
refresh token of the same browser is exchanged before the page is made.
"""

from flask import Request
from werkzeug.wrappers import Response

from shared.identity import sessions, tokens
from shared.identity.sessions import RefreshRequest, SessionEnded, Tokens
from shared.web import cookie_mode, cookies, csrf

_TOKENS = "karcis.renewed_tokens"
_ENDED = "karcis.session_ended"


def begin(request: Request, *, from_elsewhere: bool = False) -> None:
    """Check where a form comes from, and renew the session if its access token is too old. Raises CsrfRefused.

    A form that is sent `from_elsewhere` carries its own proof that our site requested it.
    """
    cookie_mode.enable(request)
    if request.method == "POST" and not from_elsewhere and not csrf.has_no_origin(request):
        csrf.check(request)
    refresh_token = cookies.refresh_token(request)
    if refresh_token is None or tokens.principal_of(cookies.access_token(request) or ""):
        return
    try:
        renewed = sessions.refresh(RefreshRequest.model_construct(refresh_token=refresh_token))
    except SessionEnded:
        request.environ[_ENDED] = True
        return
    request.environ[cookies.RENEWED] = renewed.access_token
    request.environ[_TOKENS] = renewed


def keep(request: Request, response: Response, *, tokens: Tokens | None = None, ends: bool = False) -> None:
    """Set the cookies of new tokens, those of a renewed session, or none where it is over."""
    if ends or (request.environ.get(_ENDED) and tokens is None):
        cookies.clear(response)
    elif current := tokens or request.environ.get(_TOKENS):
        cookie_mode.set_cookies(request, current, response, ends_session=False)
