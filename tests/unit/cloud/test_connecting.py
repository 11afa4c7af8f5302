"""Cloud SQL that can't be reached is something to try again, and is not waited for for ever."""

import asyncio
import ssl
from typing import Any

import aiohttp
import pytest
from google.auth.exceptions import TransportError
from google.cloud.sql import connector as google
from sqlalchemy import text

from functions.manifest import manifest
from shared.cloud import clients
from shared.cloud.settings import settings
from shared.problems import TryAgain
from shared.web import rendering


class Connector:
    """Google's, as far as we use it: fails with what is in `failures`, one after the other; None takes for ever."""

    failures: list[BaseException | None] = []  # noqa: RUF012
    attempts = 0

    def __init__(self, **options: Any) -> None:
        assert options["refresh_strategy"] == "lazy"

    async def connect_async(self, instance: str, driver: str, **options: Any) -> Any:
        type(self).attempts += 1
        if self.failures:
            failure = self.failures.pop(0)
            if failure is None:
                await asyncio.Event().wait()
            assert failure
            raise failure
        return f"{options['user']} at {instance} by {driver}"


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(google, "Connector", Connector)
    monkeypatch.setattr(clients, "CONNECT_SECONDS", 0.1)
    monkeypatch.setattr(Connector, "attempts", 0)
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("DATABASE_INSTANCE", "example:asia-southeast2:main")
    monkeypatch.setenv("DATABASE_USER", "fn-orders@example.iam")
    settings.cache_clear()
    yield clients._cloud_sql_creator({}, settings().database_instance)
    settings.cache_clear()


OF_THE_NET = [
    TimeoutError("slow"),
    OSError("no route"),
    ssl.SSLError("handshake"),
    aiohttp.ClientConnectionError("Admin API"),
    ConnectionResetError("gone"),
    TransportError("metadata server"),
    None,
]


@pytest.mark.parametrize("failure", OF_THE_NET, ids=lambda failure: type(failure).__name__)
def test_a_second_attempt_is_made(connect, monkeypatch, failure):
    monkeypatch.setattr(Connector, "failures", [failure])
    assert connect() == "fn-orders@example.iam at example:asia-southeast2:main by pg8000"
    assert Connector.attempts == 2


@pytest.mark.parametrize("failure", OF_THE_NET, ids=lambda failure: type(failure).__name__)
def test_then_the_caller_is_told_to_try_again(connect, monkeypatch, failure):
    monkeypatch.setattr(Connector, "failures", [failure, failure, failure])
    with pytest.raises(ConnectionError) as refused:
        connect()
    assert Connector.attempts == 2
    assert isinstance(rendering.problem_of(refused.value), TryAgain)


def test_so_it_is_through_the_pool(connect, monkeypatch):
    monkeypatch.setattr(Connector, "failures", [OSError("no route"), OSError("no route")])
    engine = clients.make_engine()
    with pytest.raises(ConnectionError) as refused, engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    assert isinstance(rendering.problem_of(refused.value), TryAgain)


def test_what_is_our_own_fault_is_no_outage(connect, monkeypatch):
    monkeypatch.setattr(Connector, "failures", [ValueError("no such instance name")])
    with pytest.raises(ValueError, match="no such"):
        connect()
    assert Connector.attempts == 1


def test_two_attempts_fit_into_every_function():
    shortest = min(function.sizing["timeout_seconds"] for function in manifest().functions.values())
    assert shortest > 2 * clients.CONNECT_SECONDS
