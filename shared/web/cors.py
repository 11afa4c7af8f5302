"""Cross-origin requests (SEC-008): pages of listed origins may read our answers, those of all others may not.

Our own site shares our origin and needs none of this. Callers prove who they are by the Authorization
header, so credentials (cookies) are never allowed across origins.
"""

from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit

from flask import Request, Response

from shared.cloud.settings import settings

ALLOWED_HEADERS = "Authorization, Content-Type, Idempotency-Key, X-Request-Id"
EXPOSED_HEADERS = "ETag, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id"
PREFLIGHT_SECONDS = 3600
"""The seconds for which a browser may remember a preflight's response."""


def preflight(methods: Iterable[str]) -> Response:
    """The response to OPTIONS for an address that takes `methods`. `share` adds the rest for a listed origin."""
    response = Response(status=204)
    response.headers["Allow"] = ", ".join(sorted({*methods, "OPTIONS"}))
    return response


def add_headers(request: Request, response: Response) -> None:
    """Let the page that asked read `response` if its origin is listed in `settings().cors_allowed_origins`."""
    allowed = _origins(settings().cors_allowed_origins)
    if not allowed:
        return
    response.vary.add("Origin")
    origin = request.headers.get("Origin", "")
    if origin not in allowed:
        return
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
    if request.method == "OPTIONS" and "Allow" in response.headers:
        response.headers["Access-Control-Allow-Methods"] = response.headers["Allow"]
        response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)


@lru_cache(maxsize=8)
def _origins(listed: str) -> frozenset[str]:
    """The setting's origins. Raises ValueError for anything else, above all `*`, which would allow every site."""
    origins = frozenset(origin for part in listed.split(",") if (origin := part.strip()))
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc}" or not parts.hostname:
            raise ValueError(f"CORS_ALLOWED_ORIGINS: {origin!r} is not an origin such as https://shop.example")
    return origins
