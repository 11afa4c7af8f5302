"""Cookie mode: tokens in cookies instead of the response body (cookieAuth in the OpenAPI document).

A page asks for cookies with the header `X-Session: cookie` where it signs in. From then on its cookies do: a caller who
was authenticated by a cookie is never shown a token, so that an injected script can't steal one.
"""

from typing import Annotated, Any, Literal, get_args

from flask import Request
from pydantic import Field
from werkzeug.wrappers import Response

from shared.identity import client_networks, tokens
from shared.identity.client_networks import ClientNetwork
from shared.identity.google_nonces import GoogleNonceResponse
from shared.identity.sessions import RefreshRequest, SessionEnded, Tokens
from shared.models import ResponseModel
from shared.problems import AccountGone, Invalid
from shared.web import cookies, csrf, requests

HEADER = "X-Session"
Mode = Literal["token", "cookie"]
_ENABLED = "karcis.cookie_mode"


class OrCookie:
    """Marks a RefreshRequest that a cookie may stand in for: `Annotated[RefreshRequest, OrCookie()]`."""


class CookieSession(ResponseModel):
    """A session in cookie mode, as a page sees it. `csrf_token` is for plain HTML forms."""

    expires_in: int
    csrf_token: Annotated[str, Field(repr=False)]


def enable(request: Request) -> None:
    """Use cookie mode for this request."""
    request.environ[_ENABLED] = True


def is_enabled(request: Request) -> bool:
    """True if this request uses cookie mode."""
    return bool(request.environ.get(_ENABLED))


def apply_header(request: Request) -> None:
    """Enable cookie mode where the request's header asks for it. Raises Invalid, or CsrfRefused.

    Signing somebody in to a stranger's account is a forgery too. But neither a form nor another site can send our
    header (it takes a preflight, which we refuse), so a request that does not tell its origin is not a browser's.
    """
    wish = request.headers.get(HEADER, "token")
    if wish not in get_args(Mode):
        raise Invalid.field(HEADER, "must be token or cookie")
    if wish == "cookie":
        if not csrf.has_no_origin(request):
            csrf.check(request)
        enable(request)


def refresh_request(request: Request) -> RefreshRequest:
    """The refresh token of the body, or of the cookie where the body is empty.

    Raises CsrfRefused, and what requests.json_body raises.
    """
    token = cookies.refresh_token(request)
    if token is None or requests.raw_body(request).strip() not in (b"", b"{}"):
        return requests.json_body(request, RefreshRequest)
    csrf.check(request)
    enable(request)
    return RefreshRequest.model_construct(refresh_token=token)  # not validated: an unknown one is refused anyway


def client_of(request: Request) -> ClientNetwork:
    """The client's network, and its device as known by cookies."""
    return ClientNetwork(
        requests.network(request),
        cookies.device(request),
        cookies.refresh_token(request),
        is_browser=is_enabled(request),
        google_key=cookies.google_key(request),
    )


def response_body(request: Request, result: Any) -> Any:
    """The response body for a handler's `result`."""
    if not (isinstance(result, Tokens) and is_enabled(request)):
        return result
    return CookieSession(expires_in=result.expires_in, csrf_token=csrf.token(result.session_id))


def set_cookies(request: Request, result: Any, response: Response, *, ends_session: bool) -> None:
    """Set the cookies of new tokens, or delete them where the session is over."""
    if isinstance(result, GoogleNonceResponse):
        cookies.set_google_key(response, result.key)
    if not is_enabled(request):
        return
    if isinstance(result, Tokens):
        cookies.put(response, result)
        _remember_device(request, result, response)
    elif ends_session:
        cookies.clear(response)


def _remember_device(request: Request, result: Tokens, response: Response) -> None:
    principal = tokens.principal_of(result.access_token)
    device = client_networks.device_token(cookies.device(request), principal.id) if principal else None
    if device:
        cookies.set_device(response, device)


def clear_ended_session(request: Request, error: Exception, response: Response) -> None:
    """Delete the cookies of a session that has ended elsewhere, or whose account is gone."""
    if isinstance(error, SessionEnded | AccountGone) and is_enabled(request):
        cookies.clear(response)
