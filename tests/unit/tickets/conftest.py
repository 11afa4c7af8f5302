"""The key that tickets are signed with."""

import pytest

from shared.cloud import secrets
from shared.tickets import qr


@pytest.fixture(autouse=True)
def signing_key():
    """A key of our own."""
    secrets.provide({qr.KEY: "test-only-ticket-signing-key"})
