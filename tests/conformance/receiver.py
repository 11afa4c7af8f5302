"""An HTTP server that writes down what it is sent and answers as it was told."""

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from werkzeug import Request, Response
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.waiting import PATIENCE_SECONDS


@dataclass(frozen=True)
class Received:
    """One request; `at` is when it had arrived (Unix seconds)."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)

    @property
    def time(self) -> datetime:
        """When it came."""
        return datetime.fromtimestamp(self.at, UTC)


@dataclass(frozen=True)
class StubResponse:
    """A scripted response: status, headers, and how long the caller waits for it."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    after_seconds: float = 0.0


class Receiver:
    """Answers 204 where it was not told otherwise. Use as a context manager."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._received: dict[str, list[Received]] = defaultdict(list)
        self._answers: dict[str, list[StubResponse]] = defaultdict(lambda: [StubResponse()])
        self._open: Counter[str] = Counter()
        self._most_open: Counter[str] = Counter()
        self._leaving = threading.Event()
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_QuietHandler)

    def __enter__(self) -> Self:
        """Listen."""
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of who is kept waiting, and stop."""
        self._leaving.set()
        self._server.shutdown()
        self._server.server_close()

    def url(self, path: str) -> str:
        """The URL of `path` (with its slash)."""
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def answer(self, path: str, *answers: int | StubResponse) -> None:
        """Give these answers in turn, and the last of them from then on."""
        with self._news:
            self._answers[path] = [StubResponse(each) if isinstance(each, int) else each for each in answers]

    def received(self, path: str) -> list[Received]:
        """The requests to `path` so far."""
        with self._news:
            return list(self._received[path])

    def most_at_once(self, path: str) -> int:
        """The highest number of requests for `path` that were open at the same moment."""
        return self._most_open[path]

    def wait_for(self, path: str, count: int, *, within_seconds: float = PATIENCE_SECONDS) -> list[Received]:
        """The requests to `path`, once there are `count`. Fails when they don't come in time."""
        with self._news:
            came = self._news.wait_for(lambda: len(self._received[path]) >= count, within_seconds)
            assert came, f"{len(self._received[path])} of {count} requests came for {path}"
            return list(self._received[path])

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        path = request.path
        received = Received(request.method, path, dict(request.headers), request.get_data(), time.time())
        with self._news:
            self._received[path].append(received)
            self._open[path] += 1
            self._most_open[path] = max(self._most_open[path], self._open[path])
            answers = self._answers[path]
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            self._news.notify_all()
        self._leaving.wait(answer.after_seconds)
        with self._news:
            self._open[path] -= 1
        return Response(status=answer.status, headers=dict(answer.headers))(environ, start_response)


class _QuietHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: object) -> None:
        """Say nothing, also not of a caller that was killed."""
