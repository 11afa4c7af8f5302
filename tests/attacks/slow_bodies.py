"""Callers who announce a body and never send it; what is measured is how long everybody else waits."""

import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

import requests

from tests.attacks import run
from tests.attacks.run import Figure
from tests.stack import Stack

_EACH_SECONDS = 15
"""How long one attack lasts at most."""
_MAX_SECONDS = 2.0
"""How long somebody else may have to wait meanwhile."""
_OTHERS = (
    ("GET", "/api/v1/events", None),
    ("POST", "/api/v1/auth/login", {"email": "nobody@example.com", "password": "wrong password"}),
)
_ATTACKER = run.from_address("198.51.100.7")


def attack(stack: Stack) -> Sequence[Figure]:
    """Callers who announce a body and never send it."""
    return [
        *_stalled(stack, "POST", "/api/v1/auth/login", sockets=run.THREADS),
        *_stalled(stack, "POST", "/api/v1/auth/login", sockets=20),
        *_stalled(stack, "POST", "/api/v1/orders/reserve", sockets=20),
        *_stalled(stack, "POST", "/api/v1/nothing", sockets=20),
        *_stalled(stack, "GET", "/api/v1/events", sockets=20),
    ]


def _stalled(stack: Stack, method: str, path: str, sockets: int) -> Iterator[Figure]:
    name = f"{sockets} × {method} {path} with `{{`"
    for others_method, others_path, body in _OTHERS:
        with slow_bodies(stack, method, path, sockets):
            seconds = _seconds(stack, others_method, others_path, body)
        what = f"{name}: {others_method} {others_path} of another"
        yield Figure(what, f"{seconds:.2f} s", f"{_MAX_SECONDS:.0f} s", seconds <= _MAX_SECONDS)


@contextmanager
def slow_bodies(stack: Stack, method: str, path: str, sockets: int) -> Iterator[list[socket.socket]]:
    """So many connections that have sent headers and the first byte of their body, and then nothing."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: {_ATTACKER}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    )
    with ExitStack() as open_sockets:
        yield [open_sockets.enter_context(_sent(stack, head.encode())) for _ in range(sockets)]


def _sent(stack: Stack, data: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", stack.port), timeout=_EACH_SECONDS)
    connection.sendall(data)
    return connection


def _seconds(stack: Stack, method: str, path: str, body: object) -> float:
    """Seconds until somebody at another address is answered, at most `_EACH_SECONDS`."""
    headers = {"X-Forwarded-For": run.from_address("203.0.113.9")}
    begun = time.monotonic()
    with suppress(requests.Timeout):
        requests.request(method, stack.url + path, json=body, headers=headers, timeout=_EACH_SECONDS)
    return time.monotonic() - begun


if __name__ == "__main__":
    sys.exit(run.one(__name__, attack))
