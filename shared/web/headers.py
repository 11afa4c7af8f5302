"""The security headers of every response (SEC-009). Headers that a handler has set are kept."""

from werkzeug.wrappers import Response

DEFAULTS = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",  # one year, ASVS 5.0 3.4.1
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",  # a response of an API is never a page
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",  # ASVS 5.0 14.3.2: what is not declared public is private
}

_DEFAULTS_BY_KEY = [(name.lower(), (name, value)) for name, value in DEFAULTS.items()]


def add_security_headers(response: Response) -> None:
    """Add the security headers that `response` lacks."""
    given = {name.lower() for name, _ in response.headers}
    response.headers.extend([default for key, default in _DEFAULTS_BY_KEY if key not in given])
