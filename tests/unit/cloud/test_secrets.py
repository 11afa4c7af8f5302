"""Secrets outlive Secret Manager's bad hours, and end with their own."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from google.api_core.exceptions import (
    DeadlineExceeded,
    FailedPrecondition,
    GoogleAPICallError,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    RetryError,
    ServiceUnavailable,
)
from google.auth.exceptions import TransportError

from shared.cloud import clients, secrets

NAME = "jwt-signing-key"


class SecretManager:
    """Answers with a value, or with an error."""

    def __init__(self) -> None:
        self.answer: str | Exception = "first"
        self.calls: list[dict[str, Any]] = []

    def access_secret_version(self, **call: Any) -> Any:
        self.calls.append(call)
        if isinstance(self.answer, Exception):
            raise self.answer
        return SimpleNamespace(name=call["name"], payload=SimpleNamespace(data=self.answer.encode()))


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretManager]:
    """A Secret Manager that is asked each time a secret is read."""
    monkeypatch.setattr(secrets, "_cache", {})
    monkeypatch.setattr(secrets, "CACHE_SECONDS", -1)
    monkeypatch.setattr(secrets, "RETRY_SECONDS", -1)
    scripted = SecretManager()
    clients.secret_manager.provide(scripted)  # type: ignore[arg-type]
    yield scripted
    clients.secret_manager.provide(None)


SILENT = [ServiceUnavailable(""), DeadlineExceeded(""), ResourceExhausted(""), RetryError("", None), TransportError()]


@pytest.mark.parametrize("error", SILENT, ids=lambda error: type(error).__name__)
def test_the_last_value_is_used_while_nobody_answers(
    manager: SecretManager, caplog: pytest.LogCaptureFixture, error: Exception
):
    assert secrets.secret(NAME) == "first"
    manager.answer = error
    assert secrets.secret(NAME) == "first"
    assert [record.message for record in caplog.records] == ["secrets.unavailable"]
    manager.answer = "second"
    assert secrets.secret(NAME) == "second"


@pytest.mark.parametrize("error", [NotFound(""), PermissionDenied(""), FailedPrecondition("destroyed")], ids=repr)
def test_a_secret_that_is_gone_or_refused_ends_at_once(manager: SecretManager, error: GoogleAPICallError):
    secrets.secret(NAME)
    manager.answer = error
    with pytest.raises(type(error)):
        secrets.secret(NAME)


def test_without_an_answer_a_value_lasts_for_a_sale_and_not_for_a_day(
    manager: SecretManager, monkeypatch: pytest.MonkeyPatch
):
    hours = [0]
    monkeypatch.setattr(secrets, "time", SimpleNamespace(monotonic=lambda: hours[0] * 3600.0))
    secrets.secret(NAME)
    manager.answer = ServiceUnavailable("")
    hours[0] = 8
    assert secrets.secret(NAME) == "first"
    hours[0] = 24
    with pytest.raises(ServiceUnavailable):
        secrets.secret(NAME)


def test_who_has_a_value_waits_little_for_a_newer_one(manager: SecretManager):
    secrets.secret(NAME)
    secrets.secret(NAME)
    first, refresh = manager.calls
    assert "timeout" not in first  # the client's own: a minute, and it tries again
    assert (refresh["timeout"], refresh["retry"]) == (secrets.REFRESH_TIMEOUT_SECONDS, None)


def test_nobody_is_asked_again_right_after_a_silence(manager: SecretManager, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(secrets, "RETRY_SECONDS", 3600)
    secrets.secret(NAME)
    manager.answer = ServiceUnavailable("")
    for _ in range(3):
        assert secrets.secret(NAME) == "first"
    assert len(manager.calls) == 2
