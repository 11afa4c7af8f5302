"""The shared cache of visitors' pages and of reports, for the tests that want one."""

from collections.abc import Iterator

import pytest

from infra.local.postgres import Postgres
from shared.cloud import cache, clients
from shared.cloud.settings import settings
from shared.gateways import registry
from shared.gateways.http import Timeouts
from tests.conformance.local_cloud import LocalCloud, running
from tests.instances import new_instance
from tests.processes import starts_processes


@pytest.fixture(scope="session", autouse=True)
def quick_repeats() -> Iterator[None]:
    """A gateway that is away is asked again at once: none comes back meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_timeouts", lambda: Timeouts(first_wait_seconds=0.01, longest_wait_seconds=0.02))
        yield


@pytest.fixture(scope="module")
@starts_processes
def cache_cloud(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A local cloud of this module, for its Firestore."""
    postgres.create_database("cache_cloud")
    with running(postgres.url("cache_cloud"), tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud
    postgres.drop_database("cache_cloud")


@pytest.fixture
def shared_cache(database: str, cache_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The cache is on, and empty of what this process knew."""
    monkeypatch.setenv("SHARED_CACHE", "on")
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", cache_cloud.grpc_address)
    monkeypatch.setattr(cache, "TIMEOUT_SECONDS", 5)  # the machine may be busy
    monkeypatch.setattr(cache, "FIRST_TIMEOUT_SECONDS", 5)
    settings.cache_clear()
    clients.firestore.provide(None)
    new_instance()
    yield
    clients.firestore.provide(None)
    settings.cache_clear()
