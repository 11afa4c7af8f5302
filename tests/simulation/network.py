"""The network: every HTTP call of the product goes to a service in this process, or is lost on its way."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import responses
from io import BytesIO
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from werkzeug.test import run_wsgi_app

from tests.simulation import wsgi
from tests.simulation.clock import Clock
from tests.simulation.faults import FaultKind, Faults, Point

WAITED_SECONDS = 6.0
"""How long the product waits for an answer that does not come (shared/gateways/registry.py)."""
GATEWAYS = "http://gateways.test"
_OPENINGS = ("/xendit/v2/invoices", "/midtrans/snap/v1/transactions", "/midtrans/v2/charge")
_LISTS = ("/xendit/v2/invoices",)
_ACCOUNT_CHECKS = "/xendit/v1.1/identity/bank_account_data_requests"
_JSON = {"Content-Type": "application/json"}
_REFUSAL = {"error_code": "API_VALIDATION_ERROR", "message": "refused", "error_messages": ["refused"]}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


class Network:
    """Carries calls to the simulated services at `GATEWAYS`; a stranger's call of our own functions is refused."""

    def __init__(self, services: Any, clock: Clock, faults: Faults) -> None:
        self._services, self._clock, self._faults = services, clock, faults

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        """Take the place of requests' adapter: carry one call there, and its answer back."""
        url = request.url or ""
        if not url.startswith(GATEWAYS):
            return _response(request, Answer(403, {}, b""))  # as Cloud Run does
        self._faults.pass_by(Point.GATEWAY, "before")
        fault = self._faults.due(Point.GATEWAY)
        if fault is FaultKind.GATEWAY_TIMEOUT:
            self._clock.advance(WAITED_SECONDS)
            raise requests.ReadTimeout(request=request)
        if fault is FaultKind.GATEWAY_ERROR:
            return _response(request, Answer(503, {"Content-Type": "text/html"}, b"<h1>Try again</h1>"))
        method, path = request.method or "GET", urlsplit(url).path
        if wrong := self._wrong(method, path):
            return _response(request, wrong)
        answer = self.carry(method, url, dict(request.headers), request.body)
        if fault is FaultKind.GATEWAY_LOST_ANSWER:
            self._clock.advance(WAITED_SECONDS)
            raise requests.ReadTimeout(request=request)
        self._faults.pass_by(Point.GATEWAY, "after")
        return _response(request, self._as_known_yet(method, path, answer))

    def _wrong(self, method: str, path: str) -> Answer | None:
        """The answer of a gateway that refuses to open a payment, or whose list does not have it yet."""
        if method == "POST" and path in _OPENINGS and self._faults.due(Point.OPENING):
            return Answer(400, _JSON, json.dumps(_REFUSAL).encode())
        if method == "GET" and path in _LISTS and self._faults.due(Point.LISTING):
            return Answer(200, _JSON, b"[]")
        return None

    def _as_known_yet(self, method: str, path: str, answer: Answer) -> Answer:
        """The answer about whose account it is, without what a slow bank has not said yet."""
        if method == "POST" and path == _ACCOUNT_CHECKS and self._faults.due(Point.ACCOUNT_CHECK):
            said = {name: value for name, value in json.loads(answer.body).items() if name != "result"}
            return Answer(answer.status, answer.headers, json.dumps({**said, "status": "PENDING"}).encode())
        return answer

    def carry(self, method: str, url: str, headers: dict[str, str], body: bytes | str | None) -> Answer:
        """Call a simulated service."""
        parts = urlsplit(url)
        data = body.encode() if isinstance(body, str) else body
        environ = wsgi.environ(method, parts.path, parts.query, headers, data or b"")
        content, status, found = run_wsgi_app(self._services, environ, buffered=True)
        return Answer(int(status.split()[0]), dict(found), b"".join(content))

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Let all calls of `requests` in this process go here."""
        with mock.patch.object(HTTPAdapter, "send", lambda _, request, **how: self.send(request, **how)):
            yield


def _response(request: requests.PreparedRequest, answer: Answer) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response.headers.update(answer.headers)
    response.reason = responses.get(answer.status, "")
    response.url = request.url or ""
    response.request = request
    response.raw = BytesIO(answer.body)
    response._content = answer.body
    return response
