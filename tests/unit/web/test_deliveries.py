"""Our own services alone call what is behind IAM, with a token that comes without its signature (SEC-011)."""

import time
from typing import Any

import jwt
import pytest

from shared.cloud.settings import function_url, settings
from shared.web import App, deliveries
from tests.unit.gateways.scripted_server import Reply, scripted_server
from tests.unit.web.apps import call, repeat_function


def claims(**changed: Any) -> dict[str, Any]:
    """The claims of a delivery to the function `repeat`."""
    now = int(time.time())
    usual = {"iss": "https://accounts.google.com", "aud": function_url("repeat"), "iat": now, "exp": now + 3600}
    return {**usual, "email": settings().invoker, "email_verified": True, **changed}


def unsigned(**changed: Any) -> str:
    """A token as Cloud Run passes it on."""
    signed = jwt.encode(claims(**changed), "a key that nobody checks, long enough", algorithm="HS256")
    return f"{signed.rpartition('.')[0]}.SIGNATURE_REMOVED_BY_GOOGLE"


def delivered(token: str) -> int:
    """The status of a task that comes with this token."""
    return call(repeat_function(), "POST", "/tasks/repeat", headers={"Authorization": f"Bearer {token}"}).status_code


@pytest.fixture
def private(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function is proven to be closed to strangers."""
    monkeypatch.setattr(deliveries, "_private", {"repeat"})


@pytest.fixture
def unproven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known of the function yet."""
    monkeypatch.setattr(deliveries, "_private", set())


@pytest.mark.usefixtures("private")
def test_a_token_is_taken_without_its_signature():
    assert delivered(unsigned()) == 204


WRONG = [
    {"aud": "https://another.example"},
    {"iss": "https://accounts.example"},
    {"email": "somebody@example.com"},
    {"email": None},
    {"email_verified": False},
    {"exp": -60},
    {"iat": 600},
]


@pytest.mark.usefixtures("private")
@pytest.mark.parametrize(
    "changed", WRONG, ids=["audience", "issuer", "another", "nobody", "unverified", "expired", "future"]
)
def test_claims_that_are_not_ours_are_refused(changed: dict[str, Any]):
    now = int(time.time())  # not when tests are collected: that may be minutes ago
    moments = {name: now + seconds for name, seconds in changed.items() if name in ("exp", "iat")}
    assert delivered(unsigned(**{**changed, **moments})) == 401


@pytest.mark.usefixtures("private")
@pytest.mark.parametrize("token", ["", "x", "a.b.c", ".."])
def test_what_is_no_token_is_refused(token: str):
    assert delivered(token) == 401


@pytest.mark.usefixtures("unproven")
@pytest.mark.parametrize(("to_a_stranger", "status"), [(403, 204), (404, 204), (200, 503), (500, 503), (302, 503)])
def test_nothing_is_taken_where_strangers_may_be_able_to_call(given: Any, to_a_stranger: int, status: int):
    with scripted_server() as platform:
        given(function_url_template=f"{platform.url}/{{name}}")
        platform.will_answer(Reply(to_a_stranger))
        assert delivered(unsigned()) == status
        assert delivered(unsigned()) == status
        assert {(asked.path, asked.headers.get("Authorization")) for asked in platform.asked} == {
            ("/repeat/health/live", None)
        }
        assert len(platform.asked) == (1 if status == 204 else 2), "proven once in the life of a process"


@pytest.mark.usefixtures("unproven")
def test_nothing_is_taken_where_the_platform_cannot_be_asked(given: Any):
    given(function_url_template="http://127.0.0.1:1/{name}")
    assert delivered(unsigned()) == 503


def test_an_app_serves_people_or_our_own_services():
    app = App("both")

    @app.get("/both", anybody=True)
    def read() -> None:
        return None

    @app.task("both")
    def work() -> None:
        return None

    with pytest.raises(TypeError, match="make it two functions"):
        app.entry_point()
