"""Calling the product in this process, through the entry points of its functions: everything is real but the socket."""

import importlib
from collections.abc import Callable
from typing import Any

from flask import Flask, Request, Response, request

from functions.manifest import manifest
from shared.cloud import permissions
from shared.identity.tokens import Principal
from shared.web.app import API
from tests.factories import bearer

_flask = Flask("tests")

EntryPoint = Callable[[Request], Response]


def call(method: str, path: str, *, by: Principal | None = None, **arguments: Any) -> Response:
    """The response of the function at /api/v1 + `path`; further arguments as for Flask's test client."""
    function = manifest().functions[manifest().serving(API + path.partition("?")[0])]
    entry_point: EntryPoint = importlib.import_module(f"functions.{function.name}.main").main
    headers = {**(bearer(by) if by else {}), **arguments.pop("headers", {})}
    with _flask.test_request_context(API + path, method=method, headers=headers, **arguments):
        try:
            with permissions.run_as(function.permissions):
                return entry_point(request)
        finally:
            request.environ["wsgi.input"].close()  # a large body is a file


def problem(answer: Response) -> tuple[int, str]:
    """The status and the slug of a problem document."""
    assert answer.content_type == "application/problem+json", answer.get_data(as_text=True)
    return answer.status_code, answer.get_json()["type"].rsplit("/", 1)[1]
