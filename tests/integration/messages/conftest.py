"""SendGrid as a server that answers as told, and a bucket to fetch PDFs from."""

from collections.abc import Iterator

import pytest

from shared.cloud import clients
from shared.cloud.settings import settings
from tests.stored_files import StoredFiles
from tests.unit.gateways.scripted_server import Reply, ScriptedServer, scripted_server

ACCEPTED = Reply(202, headers={"X-Message-Id": "sg-message-1"})


@pytest.fixture(autouse=True)
def files() -> Iterator[StoredFiles]:
    """An empty bucket."""
    double = StoredFiles()
    clients.storage.provide(double)  # type: ignore[arg-type]
    yield double
    clients.storage.provide(None)


@pytest.fixture
def sendgrid(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """SendGrid, which accepts everything unless told otherwise."""
    with scripted_server() as server:
        server.will_answer(ACCEPTED)
        monkeypatch.setenv("SENDGRID_BASE_URL", server.url)
        settings.cache_clear()
        yield server
    monkeypatch.undo()
    settings.cache_clear()
