"""A tiny HTTP server that gives the answers it was told to and remembers what it was asked."""

import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """An answer with a JSON body (None for an empty one)."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


HANG = Reply(status=0)
"""Take the request and say nothing until the test is over."""

HANG_UP = Reply(status=-1)
"""Take the request and close the connection."""


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


class ScriptedServer:
    """Gives `replies` in order, and the last one again and again."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Asked] = []
        self._replies: deque[Reply] = deque()
        self._last = Reply()
        self.over = threading.Event()

    def will_answer(self, *replies: Reply) -> None:
        """Give these answers from now on."""
        self._replies = deque(replies)

    def next_reply(self) -> Reply:
        """The answer to the request that has just come in."""
        if self._replies:
            self._last = self._replies.popleft()
        return self._last


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    """Serve on a free port of 127.0.0.1 until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    script = ScriptedServer(f"http://127.0.0.1:{server.server_port}")
    server.script = script  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        script.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        script: ScriptedServer = self.server.script  # type: ignore[attr-defined]
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_json = "json" in self.headers.get("Content-Type", "")
        body = json.loads(content) if content and is_json else content or None
        script.asked.append(Asked(self.command, self.path, dict(self.headers), body))
        reply = script.next_reply()
        if reply is HANG:
            script.over.wait(300)
        if reply.status <= 0:
            self.close_connection = True
            return
        self._send(reply)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815  (the names http.server calls)

    def _send(self, reply: Reply) -> None:
        content = b"" if reply.body is None else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
