"""Calling a door in this process, through its entry point: everything is real but the socket."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Request, Response, request

from shared.identity.tokens import Principal
from tests.factories import bearer

_flask = Flask("tests")

Door = Callable[[Request], Response]


def call(door: Door, method: str, path: str, *, by: Principal | None = None, **arguments: Any) -> Response:
    """What `door` (a function's `main`) answers to /api/v1 + `path`; further arguments as for Flask's test client."""
    headers = {**(bearer(by) if by else {}), **arguments.pop("headers", {})}
    with _flask.test_request_context(f"/api/v1{path}", method=method, headers=headers, **arguments):
        try:
            return door(request)
        finally:
            request.environ["wsgi.input"].close()  # a large body is a file


def problem(answer: Response) -> tuple[int, str]:
    """The status and the slug of a problem document."""
    assert answer.content_type == "application/problem+json", answer.get_data(as_text=True)
    return answer.status_code, answer.get_json()["type"].rsplit("/", 1)[1]
