"""A body that is too large is refused, and nothing of it is kept: the real app of functions-framework."""

import io
import tracemalloc
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import functions_framework
import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from shared.web.requests import MAX_BODY_BYTES, MAX_DRAINED_BYTES

SOURCE = """
from tests.unit.web.apps import echo_function

main = echo = echo_function()
"""
SENT_BYTES = 30_000_000
KEPT_BYTES = 3_000_000  # what the limit of a body allows, and some

Wsgi = Any


class Sending(io.RawIOBase):
    """A body of so many zeros, made as it is read."""

    def __init__(self, size: int) -> None:
        self.left = size

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes, as many as there is room for."""
        size = min(len(buffer), self.left)
        buffer[:size] = bytes(size)
        self.left -= size
        return size


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wsgi:
    """The tests' function, made by functions-framework as in the cloud."""
    source = tmp_path / "main.py"
    source.write_text(SOURCE)
    monkeypatch.setattr(functions_framework, "errorhandler", functions_framework.errorhandler)  # it puts its own here
    return functions_framework.create_app("echo", str(source), "http")


def sent(app: Wsgi, method: str, path: str, body: Sending, *, length: int | None) -> tuple[int, int]:
    """The status of the answer and how many bytes were held at most; without a length it comes in chunks."""
    environ = EnvironBuilder(path, method=method, content_type="application/json").get_environ()
    environ |= {"wsgi.input": body, "wsgi.input_terminated": True, "PATH_INFO": path}
    if length is not None:
        environ["CONTENT_LENGTH"] = str(length)
    tracemalloc.start()
    try:
        answer: tuple[Iterable[bytes], str, Any] = run_wsgi_app(app, environ)
        return int(answer[1][:3]), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("length", [SENT_BYTES, None], ids=["length", "chunks"])
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/v1/nothing", 404),
        ("POST", "/robots.txt", 404),  # not routed to us
        ("POST", "/api/v1/echo/a", 405),
        ("PUT", "/api/v1/echo/a", 401),
        ("GET", "/api/v1/echo/a", 200),
        ("POST", "/api/v1/measure", 413),
    ],
)
def test_what_nobody_wants_is_read_to_its_end_and_not_kept(
    app: Wsgi, method: str, path: str, status: int, length: int | None
):
    body = Sending(SENT_BYTES)
    answered, most_kept = sent(app, method, path, body, length=length)
    assert (answered, body.left) == (status, 0)
    assert most_kept < KEPT_BYTES


def test_a_body_without_an_end_is_answered_too(app: Wsgi):
    body = Sending(10 * MAX_DRAINED_BYTES)
    answered, most_kept = sent(app, "POST", "/api/v1/nothing", body, length=None)
    assert answered == 404
    assert most_kept < KEPT_BYTES
    assert body.left > 0


@pytest.mark.parametrize("length", [MAX_BODY_BYTES, None], ids=["length", "chunks"])
def test_the_largest_body_is_taken_and_one_byte_more_is_not(app: Wsgi, length: int | None):
    path = "/api/v1/measure"
    assert sent(app, "POST", path, Sending(MAX_BODY_BYTES), length=length)[0] == 400  # zeros are no JSON
    assert sent(app, "POST", path, Sending(MAX_BODY_BYTES + 1), length=length and length + 1)[0] == 413


def test_what_is_small_enough_is_read_whole(app: Wsgi):
    assert app.test_client().post("/api/v1/measure", json={"words": "a" * 900_000}).get_json() == {"words": "900000"}
