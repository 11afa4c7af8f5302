"""Prepared statements lean on how pg8000 is made: a new version must be read first."""

import hashlib
import inspect
from typing import Any

import pg8000
import pg8000.core
import pg8000.dbapi
import pytest

from shared.cloud import prepared_statements

READ = "1.31.6"
"""The version whose source was read; pyproject.toml pins it."""
SOURCES = {
    "execute_simple": "57ca4e035418",
    "execute_unnamed": "2e8af5bad64b",
    "handle_messages": "f3450a3764f0",
    "prepare_statement": "94febc504939",
    "close_prepared_statement": "12790c6a1fb3",
}
"""The first digits of the SHA-256 of what is called and replaced."""


def digest(function: Any) -> str:
    return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:12]


def test_pg8000_is_the_one_that_was_read():
    found = {name: digest(getattr(pg8000.core.CoreConnection, name)) for name in SOURCES}
    assert (pg8000.__version__, found) == (READ, SOURCES), "read what changed, then write the new version down here"


def test_statements_are_prepared_with_it():
    assert prepared_statements.is_compatible()
    assert pg8000.dbapi.convert_paramstyle is prepared_statements._convert_once


class Changed(pg8000.core.CoreConnection):  # type: ignore[misc]
    def handle_messages(self, context: Any, timeout: float) -> Any:
        raise AssertionError(context, timeout)


def test_a_pg8000_that_is_made_otherwise_is_seen(monkeypatch: pytest.MonkeyPatch):
    assert not prepared_statements.is_compatible(Changed)
    assert not prepared_statements.is_compatible(convert=lambda query, args: (query, args))
    with monkeypatch.context() as without:
        without.delattr(pg8000.core, "_flush")
        assert not prepared_statements.is_compatible()
    monkeypatch.setattr(prepared_statements, "_IS_ENABLED", False)
    connection = object()  # that nothing can be set on
    prepared_statements.prepare_statements(connection)
