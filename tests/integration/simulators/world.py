"""The simulators served over real HTTP, a receiver for what they send, and calls that play the payer."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests
from werkzeug import Request, Response
from werkzeug.serving import WSGIRequestHandler, make_server

from infra.local.simulators.api import Application
from tests.waiting import PATIENCE_SECONDS


@dataclass(frozen=True)
class Received:
    """One webhook as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at: datetime


class Receiver:
    """Takes webhooks; answers 200 unless told otherwise."""

    def __init__(self) -> None:
        self.url = ""
        self._received: list[Received] = []
        self._statuses: list[int] = []
        self._told_about = b""
        self._changed = threading.Condition()

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Take one webhook."""
        request = Request(environ)
        with self._changed:
            body = request.get_data()
            status = self._statuses.pop(0) if self._statuses and self._told_about in body else 200
            self._received.append(Received(request.path, dict(request.headers), body, datetime.now(UTC)))
            self._changed.notify_all()
        return Response(status=status)(environ, start_response)

    def will_answer(self, *statuses: int, about: str) -> None:
        """Answer the next webhooks that mention `about` so; others may still come that earlier tests have caused."""
        self._statuses, self._told_about = list(statuses), about.encode()

    def wait_for(self, count: int, about: str) -> list[Received]:
        """The webhooks that mention `about`, once there are `count` of them."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self.about(about)) >= count, PATIENCE_SECONDS)
            assert arrived, f"{len(self.about(about))} of {count} webhooks about {about} came"
            return self.about(about)

    def about(self, text: str) -> list[Received]:
        """The webhooks so far that mention `text`."""
        return [each for each in self._received if text.encode() in each.body]


@dataclass(frozen=True)
class Payer:
    """Pays, fails or waits: the control calls of the simulators."""

    base_url: str
    gateway: str

    def does(self, action: str, reference: str, **wanted: Any) -> dict[str, Any]:
        """Do it and give the payment's state."""
        response = self.tries(action, reference, **wanted)
        assert response.status_code == 200, response.text
        state: dict[str, Any] = response.json()
        return state

    def tries(self, action: str, reference: str, **wanted: Any) -> requests.Response:
        """Do it, whatever comes of it."""
        return requests.post(f"{self._root}/payments/{reference}/{action}", json=wanted, timeout=PATIENCE_SECONDS)

    def state(self, reference: str) -> dict[str, Any]:
        """The payment's state."""
        state: dict[str, Any] = requests.get(f"{self._root}/payments/{reference}", timeout=PATIENCE_SECONDS).json()
        return state

    def breaks(self, **fault: Any) -> None:
        """Let the next API calls fail."""
        requests.post(f"{self._root}/faults", json=fault, timeout=PATIENCE_SECONDS).raise_for_status()

    def movements(self, external_id: str) -> list[tuple[str, int]]:
        """The movements of money for one of our ids, both ways."""
        items = requests.get(f"{self._root}/transactions", timeout=PATIENCE_SECONDS).json()["items"]
        return [(each["kind"], each["amount"]) for each in items if each["external_id"] == external_id]

    @property
    def _root(self) -> str:
        return f"{self.base_url}/simulators/{self.gateway}"


class LateApplication:
    """Applications by the beginning of their paths; they are made once the server's address is known."""

    def __init__(self) -> None:
        self.parts: dict[str, Application] = {}

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Answer one request."""
        path = environ["PATH_INFO"]
        part = next(part for prefix, part in self.parts.items() if path.startswith(prefix))
        return part(environ, start_response)


@contextmanager
def served(application: Any) -> Iterator[str]:
    """Serve a WSGI application on a free port; gives its address."""
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_: Any) -> None:
        """Say nothing."""
