"""Calls the product's functions in this process: their own entry points, each with its own rights and pool."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import flask
import jwt
from flask import Flask

from functions.manifest import Manifest
from shared.cloud.settings import function_url, settings
from tests.simulation import wsgi
from tests.simulation.clock import Clock
from tests.simulation.database import Database
from tests.simulation.delivery import Delivery, DeliveryKind
from tests.simulation.faults import Crash, Faults
from tests.simulation.revisions import Revision, Revisions

_TOKEN_SECONDS = 3000


@dataclass(frozen=True)
class Response:
    """A function's answer."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def ok(self) -> bool:
        """True for 2xx."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.content) if self.content else None


class Functions:
    """All functions of the manifest, in each of the revisions."""

    def __init__(
        self, manifest: Manifest, revisions: Revisions, database: Database, clock: Clock, faults: Faults
    ) -> None:
        self._manifest, self._revisions, self._database = manifest, revisions, database
        self._clock, self._faults = clock, faults
        self._context = Flask("simulation")
        self._tokens: dict[str, tuple[float, str]] = {}
        self._calls: list[tuple[Revision, str]] = []
        """Those that run: the last one while those before it wait for a gateway."""

    def request(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, body: Any = None
    ) -> Response | None:
        """Send a request of somebody's to the function at an address; None where it was killed before it answered."""
        data = json.dumps(body).encode() if body is not None else b""
        all_headers = {"Content-Type": "application/json", **(headers or {})}
        address, _, query = f"/api/v1{path}".partition("?")
        return self._call(self._manifest.serving(address), method, address, query, all_headers, data)

    def deliver(self, delivery: Delivery, *, token_for: str | None = None) -> Response | None:
        """Hand a delivery to its function, with a token for it or another; None where it was killed first."""
        headers = {"Content-Type": "application/json", **delivery.headers}
        body = delivery.body
        if delivery.kind is not DeliveryKind.WEBHOOK:
            headers["Authorization"] = f"Bearer {self._token(token_for or delivery.function)}"
        if delivery.kind is DeliveryKind.TASK:
            headers["X-CloudTasks-TaskRetryCount"] = str(delivery.attempt - 1)
        if delivery.kind is DeliveryKind.MESSAGE:
            body = b'{"deliveryAttempt": %d, ' % delivery.attempt + body[1:]
        return self._call(delivery.function, "POST", delivery.path, "", headers, body)

    def begin(self) -> None:
        """Begin a seed: with new processes, and no token yet."""
        self._tokens.clear()
        self._revisions.begin()
        for revision in self._revisions.all:
            revision.forget()

    def _call(
        self, name: str, method: str, path: str, query: str, headers: dict[str, str], body: bytes
    ) -> Response | None:
        environ = wsgi.environ(method, path, query, headers, body)
        revision, granted = self._revisions.taking(name), self._manifest.functions[name].permissions
        with self._running(revision, name):
            try:
                with revision.run_as(granted), self._context.request_context(environ):
                    made = revision.entry_point(name)(flask.request._get_current_object())  # type: ignore[attr-defined]
                    return Response(made.status_code, dict(made.headers), made.get_data())
            except Crash:
                revision.forget()
                return None

    @contextmanager
    def _running(self, revision: Revision, name: str) -> Iterator[None]:
        """Let a call run; one that waits for a gateway meanwhile has its own rights again afterwards."""
        self._calls.append((revision, name))
        try:
            with revision.running():
                revision.use({"engine": self._database.pool_for(name, revision)})
                yield
        finally:
            self._calls.pop()
            if self._calls:
                waiting, own = self._calls[-1]
                waiting.use({"engine": self._database.pool_for(own, waiting)})

    def _token(self, name: str) -> str:
        """The token of our own services, as Cloud Run passes it on: its signature is checked there."""
        until, token = self._tokens.get(name, (0.0, ""))
        if until < self._clock.seconds + 60:
            now = int(self._clock.now.timestamp())
            claims = {
                "iss": "https://accounts.google.com",
                "aud": function_url(name),
                "email": settings().invoker,
                "email_verified": True,
                "iat": now,
                "exp": now + _TOKEN_SECONDS,
            }
            token = jwt.encode(claims, "removed by Cloud Run, which has checked it", algorithm="HS256")
            self._tokens[name] = (self._clock.seconds + _TOKEN_SECONDS, token)
        return token
