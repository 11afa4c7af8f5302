"""Pages of listed origins may read our answers; those of all others may not (SEC-008)."""

import pytest

from tests.unit.web.apps import call, echo_function, repeat_function

SHOP = "https://shop.example"
ECHO = "/api/v1/echo/hello"
ASKING = {"Origin": SHOP, "Access-Control-Request-Method": "PUT"}


def shared(answer) -> set[str]:
    return {name for name, _ in answer.headers if name.startswith("Access-Control-")}


@pytest.fixture
def listed(given) -> None:
    given(cors_allowed_origins=f"{SHOP}, http://127.0.0.1:3000")


def test_a_listed_origin_may_read_the_answer(listed):
    answer = call(echo_function(), "GET", ECHO, headers={"Origin": SHOP})
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
    assert set(answer.headers["Access-Control-Expose-Headers"].split(", ")) >= {
        "X-Request-Id",
        "Retry-After",
        "RateLimit",
        "ETag",
    }
    assert "Origin" in answer.vary


def test_a_refusal_may_be_read_too(listed):
    answer = call(echo_function(), "PUT", ECHO, headers={"Origin": SHOP})
    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP


def test_a_preflight_names_the_methods_and_headers_of_the_address(listed):
    answer = call(echo_function(), "OPTIONS", ECHO, headers=ASKING)
    assert (answer.status_code, answer.get_data()) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS, PUT"
    assert answer.headers["Access-Control-Allow-Headers"] == (
        "Authorization, Content-Type, Idempotency-Key, X-Request-Id"
    )
    assert int(answer.headers["Access-Control-Max-Age"]) > 0


@pytest.mark.parametrize(("function", "path"), [(echo_function, "/api/v1/nothing"), (repeat_function, "/tasks/repeat")])
def test_there_is_no_preflight_where_no_page_may_call(listed, function, path):
    answer = call(function(), "OPTIONS", path, headers=ASKING)
    assert answer.status_code == 404
    assert "Access-Control-Allow-Methods" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://shop.example.evil.example",
        "http://shop.example",
        "https://shop.example:8443",
        "https://shop.example/",
        "HTTPS://SHOP.EXAMPLE",
        "null",
        "*",
    ],
)
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_any_other_origin_gets_nothing(listed, origin, method):
    answer = call(echo_function(), method, ECHO, headers={**ASKING, "Origin": origin})
    assert shared(answer) == set()
    assert "Origin" in answer.vary  # or a cache would give it the answer that was made for a listed one


def test_cookies_are_never_allowed_across_origins(listed):
    for method in ("GET", "OPTIONS"):
        answer = call(echo_function(), method, ECHO, headers=ASKING)
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert answer.headers["Access-Control-Allow-Origin"] != "*"


def test_without_a_list_nobody_is_let_in_and_no_answer_varies(given):
    for method in ("GET", "OPTIONS"):
        answer = call(echo_function(), method, ECHO, headers=ASKING)
        assert shared(answer) == set()
        assert "Origin" not in answer.vary


@pytest.mark.parametrize("entry", ["*", "null", "shop.example", "https://shop.example/path", "https://*/"])
def test_a_list_with_anything_but_origins_is_a_mistake_that_shows(given, entry):
    given(cors_allowed_origins=entry)
    with pytest.raises(ValueError, match="CORS_ALLOWED_ORIGINS"):
        call(echo_function(), "GET", ECHO)
