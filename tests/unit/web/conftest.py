"""The edge without anything behind it: no database, no cloud."""

from collections.abc import Callable, Iterator

import pytest

from shared.cloud import secrets
from shared.cloud.settings import settings

Set = Callable[..., None]


@pytest.fixture(autouse=True)
def signing_key() -> None:
    """The key of access tokens, which any guard needs."""
    secrets.provide({"jwt-signing-key": "test-only-jwt-signing-key-of-enough-length"})


@pytest.fixture(autouse=True)
def given(monkeypatch: pytest.MonkeyPatch) -> Iterator[Set]:
    """`given(name="value")` sets settings for one test."""

    def set_(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name.upper(), value)
        settings.cache_clear()

    set_(rate_limits="off")
    yield set_
    monkeypatch.undo()
    settings.cache_clear()
