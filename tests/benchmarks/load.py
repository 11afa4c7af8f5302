"""Many buyers from one thread: keep-alive connections in one event loop, and requests whose bytes were made before.

The generator shares the processor with what it measures, so it does as little as a client can: it sends
prepared bytes, finds the status line and the length in the answer, and reads a body only where it is a refusal.
"""

import json
import re
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

PATIENCE_SECONDS = 60
ACCEPTED = 201
CONNECTION_LOST = "connection lost"
NO_ANSWER = "no answer"

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")

Address = tuple[str, int]


class Reply(NamedTuple):
    """A whole answer."""

    status: int
    body: bytes


@dataclass
class Load:
    """The responses to a crowd, and the seconds that each accepted request waited, in order of arrival."""

    accepted: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    """The same of all requests."""
    refusals: Counter[str] = field(default_factory=Counter)
    """By status and problem, `409 sold-out`; and what is no answer at all."""
    seconds: float = 0.0
    """From the first request to the last answer."""

    @property
    def per_second(self) -> float:
        """Accepted requests per second."""
        return len(self.accepted) / self.seconds

    @property
    def broken(self) -> int:
        """The number answered 5xx, or not at all."""
        return sum(count for kind, count in self.refusals.items() if kind[0] == "5" or not kind[0].isdigit())

    def count(self, reply: Reply, seconds: float) -> None:
        """Take in an answer."""
        self.answered.append(seconds)
        if reply.status == ACCEPTED:
            self.accepted.append(seconds)
        else:
            self.refusals[f"{reply.status} {_problem(reply.body)}"] += 1


def send(address: Address, requests: Iterator[bytes], *, buyers: int, seconds: float = float("inf")) -> Load:
    """Let `buyers` at a time send one of `requests` each, as soon as one is answered the next, for `seconds`.

    It ends earlier when there are no more requests. Whoever has sent theirs gets their answer. Each buyer
    connects and asks at once, before the next one connects, so that the server's workers share them.
    """
    load = Load()
    begun = time.perf_counter()
    connections = []
    with selectors.DefaultSelector() as answers:
        for _ in range(buyers):
            connections.append(_Connection(address))
            _next(connections[-1], requests, answers)
        while answers.get_map():
            ready = answers.select(PATIENCE_SECONDS)
            if not ready:
                load.refusals[NO_ANSWER] += len(answers.get_map())
                break
            for key, _ in ready:
                connection = key.data
                if not connection.take(load):
                    continue
                answers.unregister(connection.socket)
                if time.perf_counter() - begun < seconds:
                    _next(connection, requests, answers)
        load.seconds = time.perf_counter() - begun
        for connection in connections:
            connection.socket.close()
    return load


class _Connection:
    """One buyer's place: a request under way, and as much of its answer as has come."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._received = b""
        self._sent_at = 0.0
        self._open()

    def ask(self, request: bytes) -> None:
        """Send a request."""
        self._received = b""
        self._sent_at = time.perf_counter()
        self.socket.sendall(request)

    def take(self, load: Load) -> bool:
        """Read what has come, and tell whether the request is over: answered, or lost with its connection."""
        try:
            chunk = self.socket.recv(65536)
        except ConnectionError:
            chunk = b""
        if not chunk:
            load.refusals[CONNECTION_LOST] += 1
            self.socket.close()
            self._open()
            return True
        self._received += chunk
        reply = _whole(self._received)
        if reply is None:
            return False
        load.count(reply, time.perf_counter() - self._sent_at)
        return True

    def _open(self) -> None:
        self.socket = socket.create_connection(self._address, timeout=PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _next(connection: _Connection, requests: Iterator[bytes], answers: selectors.BaseSelector) -> None:
    request = next(requests, None)
    if request is not None:
        answers.register(connection.socket, selectors.EVENT_READ, connection)
        connection.ask(request)


def _whole(received: bytes) -> Reply | None:
    head, separator, body = received.partition(b"\r\n\r\n")
    length = _LENGTH.search(head) if separator else None
    if length is None or len(body) < int(length[1]):
        return None
    return Reply(int(head[9:12]), body)


def _problem(body: bytes) -> str:
    try:
        return str(json.loads(body)["type"]).rsplit("/", 1)[-1]
    except (ValueError, KeyError, TypeError):
        return "without a problem document"
