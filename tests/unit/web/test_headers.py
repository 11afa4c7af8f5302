"""Every answer of every function carries the security headers, whatever it says (SEC-009)."""

import pytest

from tests.unit.web.apps import call, echo_function, repeat_function

EXPECTED = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/echo/hello", 200),
        ("OPTIONS", "/api/v1/echo/hello", 204),
        ("PUT", "/api/v1/echo/hello", 401),
        ("GET", "/api/v1/nothing", 404),
        ("POST", "/api/v1/echo/hello", 405),
        ("GET", "/healthz", 200),
        ("GET", "/health/live", 200),
    ],
)
def test_every_answer_carries_them(method, path, status):
    answer = call(echo_function(), method, path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in EXPECTED} == EXPECTED


def test_so_does_a_refusal_to_a_stranger_at_an_internal_endpoint():
    answer = call(repeat_function(), "POST", "/tasks/repeat")
    assert answer.status_code == 401
    assert {name: answer.headers.get(name) for name in EXPECTED} == EXPECTED
