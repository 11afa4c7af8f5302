"""A function of these tests' own, called in this process: what the edge does, without a product behind it."""

from typing import Any

from flask import Flask, Request, Response, request

from shared.models import RequestModel, ResponseModel
from shared.web import App, SignedIn

_flask = Flask("tests")


class Words(RequestModel):
    """The endpoint's request."""

    words: str


class Echo(ResponseModel):
    """The endpoint's response."""

    words: str


def echo_function() -> Any:
    """The entry point of a function with an address that anybody may read and signed-in people may write.

    Another tells anybody how long their words are.
    """
    app = App("echo")

    @app.get("/echo/{name}", anybody=True)
    def read(name: str) -> Echo:
        return Echo(words=name)

    @app.put("/echo/{name}")
    def write(name: str, told: Words, who: SignedIn) -> Echo:
        return Echo(words=told.words)

    @app.post("/measure", anybody=True)
    def measure(told: Words) -> Echo:
        return Echo(words=str(len(told.words)))

    return app.entry_point()


def repeat_function() -> Any:
    """The entry point of a function that only our own services call: a task, a job and a message."""
    app = App("repeat")

    @app.task("repeat")
    def repeat() -> None:
        return None

    return app.entry_point()


def call(entry: Any, method: str, path: str, **arguments: Any) -> Response:
    """The entry point's response; further arguments as for Flask's test client."""
    with _flask.test_request_context(path, method=method, **arguments):
        answered: Response = entry(_request())
        return answered


def _request() -> Request:
    return request._get_current_object()  # type: ignore[attr-defined,no-any-return]
