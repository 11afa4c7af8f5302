"""The folder for the PDFs of these tests."""

from collections.abc import Iterator

import pytest

from shared.cloud import clients
from tests.stored_files import StoredFiles


@pytest.fixture
def files() -> Iterator[StoredFiles]:
    """An empty bucket."""
    double = StoredFiles()
    clients.storage.provide(double)  # type: ignore[arg-type]
    yield double
    clients.storage.provide(None)
