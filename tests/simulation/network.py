"""The network: every HTTP call of the product goes to a service in this process, or is lost on its way."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.client import responses
from io import BytesIO
from typing import Any, NoReturn
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import requests
from requests.adapters import HTTPAdapter
from werkzeug.test import run_wsgi_app

from tests.simulation import wsgi
from tests.simulation.clock import Clock
from tests.simulation.faults import FaultKind, Faults, Point
from tests.simulation.outages import Outages
from tests.simulation.violations import Violation

LATE_SECONDS = 5.5
"""After so long a slow gateway answers."""
LISTED_SECONDS = 120
"""After so long every list has what was created."""
GATEWAYS = "http://gateways.test"
_OPENINGS = ("/xendit/v2/invoices", "/midtrans/snap/v1/transactions", "/midtrans/v2/charge")
_LISTS = ("/xendit/v2/invoices",)
_ACCOUNT_CHECKS = "/xendit/v1.1/identity/bank_account_data_requests"
_JSON = {"Content-Type": "application/json"}
_REFUSAL = {"error_code": "API_VALIDATION_ERROR", "message": "refused", "error_messages": ["refused"]}


@dataclass(frozen=True)
class FunctionResponse:
    """The answer."""

    status: int
    headers: dict[str, str]
    body: bytes


_UNAVAILABLE = FunctionResponse(503, {"Content-Type": "text/html"}, b"<h1>Try again</h1>")
_UNREADABLE = FunctionResponse(200, {"Content-Type": "text/html"}, b"<h1>We will be back soon</h1>")


class Network:
    """Carries calls to the simulated services at `GATEWAYS`; a stranger's call of our own functions is refused."""

    def __init__(self, services: Any, clock: Clock, faults: Faults, outages: Outages) -> None:
        self._services, self._clock, self._faults, self._outages = services, clock, faults, outages
        self._interruptions: dict[bool, Callable[[], None]] = {}
        """The faults before a call arrives (False), or before its answer does (True)."""
        self.not_listed: set[str] = set()
        """Our ids of payments that a list was asked for while it lagged."""

    def send(self, request: requests.PreparedRequest, *, timeout: tuple[float, float], **_: Any) -> requests.Response:
        """Take the place of requests' adapter: carry one call there, and its answer back."""
        url = request.url or ""
        if not url.startswith(GATEWAYS):
            return _response(request, FunctionResponse(403, {}, b""))  # as Cloud Run does
        self._faults.pass_by(Point.GATEWAY, "before")
        self._interrupt(is_late=False)
        method, path = request.method or "GET", urlsplit(url).path
        fault = self._faults.due(Point.GATEWAY) or self._outages.strike(path.split("/")[1])
        if fault is FaultKind.GATEWAY_TIMEOUT:
            self._give_up(request, timeout)
        if wrong := _UNAVAILABLE if fault is FaultKind.GATEWAY_ERROR else self._wrong(method, path):
            return _response(request, wrong)
        answer = self.carry(method, url, dict(request.headers), request.body)
        if fault is FaultKind.GATEWAY_LOST_ANSWER or (fault is FaultKind.GATEWAY_SLOW and timeout[1] < LATE_SECONDS):
            self._give_up(request, timeout)
        if fault is FaultKind.GATEWAY_SLOW:
            self._clock.advance(LATE_SECONDS)
        self._interrupt(is_late=True)
        self._faults.pass_by(Point.GATEWAY, "after")
        seen = _UNREADABLE if fault is FaultKind.GATEWAY_UNREADABLE else self._as_known_yet(method, url, answer)
        return _response(request, seen)

    def _wrong(self, method: str, path: str) -> FunctionResponse | None:
        """The answer of a gateway that refuses to open a payment."""
        if method == "POST" and path in _OPENINGS and self._faults.due(Point.OPENING):
            return FunctionResponse(400, _JSON, json.dumps(_REFUSAL).encode())
        return None

    def _as_known_yet(self, method: str, url: str, answer: FunctionResponse) -> FunctionResponse:
        """A list without what it does not have yet; whose account it is, without what a slow bank has not said yet."""
        path = urlsplit(url).path
        if method == "GET" and path in _LISTS and self._faults.due(Point.LISTING):
            self.not_listed.update(parse_qs(urlsplit(url).query).get("external_id", []))
            newest = self._clock.now - timedelta(seconds=LISTED_SECONDS)
            old = [each for each in json.loads(answer.body) if datetime.fromisoformat(each["created"]) < newest]
            return FunctionResponse(answer.status, answer.headers, json.dumps(old).encode())
        if method == "POST" and path == _ACCOUNT_CHECKS and self._faults.due(Point.ACCOUNT_CHECK):
            said = {name: value for name, value in json.loads(answer.body).items() if name != "result"}
            return FunctionResponse(answer.status, answer.headers, json.dumps({**said, "status": "PENDING"}).encode())
        return answer

    def _give_up(self, request: requests.PreparedRequest, timeout: tuple[float, float]) -> NoReturn:
        """Wait for an answer as long as the caller does."""
        self._clock.advance(timeout[1])
        raise requests.ReadTimeout(request=request)

    def carry(self, method: str, url: str, headers: dict[str, str], body: bytes | str | None) -> FunctionResponse:
        """Call a simulated service."""
        parts = urlsplit(url)
        data = body.encode() if isinstance(body, str) else body
        environ = wsgi.environ(method, parts.path, parts.query, headers, data or b"")
        content, status, found = run_wsgi_app(self._services, environ, buffered=True)
        return FunctionResponse(int(status.split()[0]), dict(found), b"".join(content))

    @contextmanager
    def interrupted(self, by: Callable[[], object], *, is_late: bool) -> Iterator[None]:
        """Let `by` happen once while the product waits for the next call: before it arrives, or before its answer does.

        A promise that is broken meanwhile is told at the end: what the product calls never raises it.
        """
        broken: list[Violation] = []

        def happen() -> None:
            try:
                Context().run(by)  # others have rights of their own
            except Violation as violation:
                broken.append(violation)

        self._interruptions[is_late] = happen
        try:
            yield
        finally:
            self._interruptions.clear()
        if broken:
            raise broken[0]

    def _interrupt(self, *, is_late: bool) -> None:
        happen = self._interruptions.pop(is_late, None)
        if happen:
            self._faults.note("two things at once")
            happen()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Let all calls of `requests` in this process go here."""
        with mock.patch.object(HTTPAdapter, "send", lambda _, request, **how: self.send(request, **how)):
            yield


def _response(request: requests.PreparedRequest, answer: FunctionResponse) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response.headers.update(answer.headers)
    response.reason = responses.get(answer.status, "")
    response.url = request.url or ""
    response.request = request
    response.raw = BytesIO(answer.body)
    response._content = answer.body
    return response
