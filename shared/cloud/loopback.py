"""Connections to a PostgreSQL on this very machine: nobody is in between, so nothing is encrypted."""

from typing import Any

from sqlalchemy import URL, make_url

_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")


def connect_args(url: str | URL) -> dict[str, Any]:
    """pg8000's arguments for `url`: without TLS no connection reads every certificate authority's key."""
    return {"ssl_context": False} if make_url(url).host in _THIS_MACHINE else {}
