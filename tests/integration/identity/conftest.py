"""Google for those tests that sign in with it."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from shared.cloud.settings import settings
from tests.integration.identity.google_double import CLIENT_ID, OTHER_CLIENT_ID, Google
from tests.unit.gateways.scripted_server import scripted_server


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    """Google, where two clients of ours are known."""
    with scripted_server() as server:
        # A path of its own: the product keeps keys by their address, and a port is used again.
        monkeypatch.setenv("GOOGLE_CERTS_URL", f"{server.url}/{uuid4().hex}/certs")
        monkeypatch.setenv("GOOGLE_CLIENT_IDS", f"{CLIENT_ID}, {OTHER_CLIENT_ID}")
        settings.cache_clear()
        yield Google(server)
    monkeypatch.undo()
    settings.cache_clear()
