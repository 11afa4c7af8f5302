"""The session's cookies: tokens where no script can read them (SEC-004, DP-006).

    __Host-access    the access token, for as long as it is good
    __Host-refresh   the refresh token, for seven days
    __Host-google    what binds a sign-in with Google to this browser, for an hour
    __Host-device    that this browser has signed in to an account before, for half a year; it signs nobody in

All are HttpOnly, Secure, SameSite=Lax and of our very host: `__Host-` makes browsers refuse them from any
other, or over plain HTTP (RFC 6265bis, 4.1.3.2). `SECURE_COOKIES=off` is for a laptop's plain HTTP, where not
every browser takes a Secure cookie: the same cookies without the prefix and without Secure.

`google` alone is SameSite=None: Google's page posts to ours, and no Lax cookie comes with such a request. It is worth
nothing without an ID token that holds its hash.
"""

from werkzeug.wrappers import Request, Response

from shared.cloud.settings import settings
from shared.identity import google_nonces
from shared.identity.sessions import LIFETIME_DAYS, Tokens

ACCESS = "access"
RENEWED = "karcis.renewed_access_token"
DEVICE = "device"
DEVICE_SECONDS = 180 * 86_400
GOOGLE = "google"
REFRESH = "refresh"


def name(which: str) -> str:
    """The name of the cookie ACCESS, REFRESH, DEVICE or GOOGLE."""
    return f"__Host-{which}" if _is_secure() else which


def access_token(request: Request) -> str | None:
    """The access token that came as a cookie, or that was given for the refresh token of another a moment ago."""
    return request.environ.get(RENEWED) or request.cookies.get(name(ACCESS)) or None


def refresh_token(request: Request) -> str | None:
    """The refresh token that came as a cookie."""
    return request.cookies.get(name(REFRESH)) or None


def device(request: Request) -> str | None:
    """The cookie of a device that has signed in before."""
    return request.cookies.get(name(DEVICE)) or None


def google_key(request: Request) -> str | None:
    """The cookie of a browser that has begun to sign in with Google."""
    return request.cookies.get(name(GOOGLE)) or None


def set_google_key(response: Response, value: str) -> None:
    """Set the cookie that proves that this browser began a sign-in. Signing in keeps it, for its other open pages."""
    _set(response, GOOGLE, value, google_nonces.LIFE_SECONDS, samesite="None" if _is_secure() else "Lax")


def set_device(response: Response, value: str) -> None:
    """Set the cookie by which this browser is recognised. Signing out keeps it."""
    _set(response, DEVICE, value, DEVICE_SECONDS)


def put(response: Response, tokens: Tokens) -> None:
    """Set the cookies of these tokens in place of those that the browser has."""
    _set(response, ACCESS, tokens.access_token, tokens.expires_in)
    _set(response, REFRESH, tokens.refresh_token, LIFETIME_DAYS * 86_400)


def clear(response: Response) -> None:
    """Delete the cookies of the tokens."""
    _set(response, ACCESS, "", 0)
    _set(response, REFRESH, "", 0)


def _set(response: Response, which: str, value: str, life_seconds: int, *, samesite: str = "Lax") -> None:
    response.set_cookie(
        name(which), value, max_age=life_seconds, path="/", secure=_is_secure(), httponly=True, samesite=samesite
    )


def _is_secure() -> bool:
    return settings().secure_cookies != "off"
