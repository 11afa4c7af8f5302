"""A client that sends headers and no body, or hardly any, keeps nobody waiting: a function with four threads."""

import json
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import requests

from tests.functions.framework import Served, served
from tests.processes import starts_processes
from tests.waiting import PATIENCE_SECONDS, until

THREADS = 4


@pytest.fixture(scope="module")
@starts_processes
def auth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The function `auth` with as many threads as in the cloud, ended by the platform's time-out as there."""
    settings = {"THREADS": str(THREADS), "THREADED_TIMEOUT_ENABLED": "true", "CLOUD_RUN_TIMEOUT_SECONDS": "60"}
    with served("auth", tmp_path_factory.mktemp("auth"), **settings) as running:
        yield running


def begun(auth: Served, path: str, *, method: str = "POST", body: bytes = b"{", length: str = "Content-Length: 1000"):
    """A connection that has sent headers and the beginning of a body."""
    connection = socket.create_connection(("127.0.0.1", auth.port), timeout=PATIENCE_SECONDS)
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{length}\r\n\r\n"
    connection.sendall(head.encode() + body)
    return connection


def answered(connection: socket.socket) -> tuple[int, dict]:
    """The status and the document of an answer after which the server closes the connection."""
    received = b""
    while piece := connection.recv(65_536):
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


@pytest.mark.parametrize("path", ["/api/v1/auth/login", "/api/v1/auth/me", "/api/v1/nothing"])
def test_twenty_slow_callers_keep_nobody_waiting(auth: Served, path: str):
    with ExitStack() as slow:
        for _ in range(5 * THREADS):
            slow.enter_context(begun(auth, path))
        assert requests.get(f"{auth.url}/health/live", timeout=PATIENCE_SECONDS).status_code == 200
        refused = requests.post(f"{auth.url}/api/v1/auth/login", json={}, timeout=PATIENCE_SECONDS)
        assert refused.status_code == 422


@pytest.mark.parametrize(
    ("length", "body"),
    [("Content-Length: 1000", b"{"), ("Transfer-Encoding: chunked", b"3e8\r\n{"), ("Transfer-Encoding: chunked", b"")],
)
def test_a_body_that_does_not_come_is_told_so(auth: Served, length: str, body: bytes):
    with begun(auth, "/api/v1/auth/login", length=length, body=body) as connection:
        status, document = answered(connection)
    assert (status, document["type"]) == (408, "/problems/request-timeout")
    assert document["detail"]


def test_a_body_that_comes_byte_by_byte_is_late_too(auth: Served):
    with begun(auth, "/api/v1/auth/login", length="Content-Length: 1000000") as connection:

        def is_answered() -> bool:
            connection.send(b" ")
            return bool(select.select([connection], [], [], 0.1)[0])

        until(is_answered, what="for the end of its patience")
        assert answered(connection)[0] == 408


def test_chunks_that_are_none_are_the_callers_mistake(auth: Served):
    with begun(auth, "/api/v1/auth/login", length="Transfer-Encoding: chunked", body=b"no chunk\r\n") as connection:
        assert answered(connection)[0] == 400


def test_who_is_refused_by_the_headers_is_refused_at_once(auth: Served):
    """Nobody waits for the body of a request that needs a token and has none, or leads nowhere."""
    with begun(auth, "/api/v1/auth/password", method="PUT") as connection:
        assert answered(connection)[0] == 404


def test_a_body_in_two_parts_is_read_whole(auth: Served):
    body = json.dumps({"email": "not an address", "password": "x"}).encode()
    with begun(auth, "/api/v1/auth/login", body=body[:5], length=f"Content-Length: {len(body)}") as connection:
        assert not select.select([connection], [], [], 0.1)[0]
        connection.sendall(body[5:])
        connection.shutdown(socket.SHUT_WR)
        assert answered(connection)[0] == 422
