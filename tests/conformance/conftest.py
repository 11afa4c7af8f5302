"""Shared by conformance tests: our server as a process, Google's emulators, and a receiver of pushes.

`pubsub_host` and `firestore_host` run a test once against each implementation; Google's are skipped, with
the reason, where they are not installed.
"""

import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

from infra.local.postgres import Postgres
from tests.conformance import google_emulators
from tests.conformance.local_cloud import LocalCloud, running
from tests.conformance.receiver import Receiver
from tests.processes import starts_processes

_NODE = re.compile(r"tests/conformance/test_(?P<service>\w+)\.py.*?(?:\[(?P<host>local|google)\b.*)?$")


@pytest.fixture(scope="session")
@starts_processes
def local_cloud(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """Our server as a process of its own, on an empty database."""
    postgres.create_database("local_cloud")
    with running(postgres.url("local_cloud"), tmp_path_factory.mktemp("local-cloud")) as cloud:
        yield cloud


@pytest.fixture(scope="session")
@starts_processes
def google_pubsub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Google's Pub/Sub emulator as host:port."""
    try:
        with google_emulators.pubsub(tmp_path_factory.mktemp("google-pubsub")) as address:
            yield address
    except google_emulators.Missing as missing:
        pytest.skip(f"Google's Pub/Sub emulator: {missing}")


@pytest.fixture(scope="session")
@starts_processes
def google_firestore(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Google's Firestore emulator as host:port."""
    try:
        with google_emulators.firestore(tmp_path_factory.mktemp("google-firestore")) as address:
            yield address
    except google_emulators.Missing as missing:
        pytest.skip(f"Google's Firestore emulator: {missing}")


@pytest.fixture(params=["local", "google"])
@starts_processes
def pubsub_host(request: pytest.FixtureRequest) -> str:
    """The address of Pub/Sub, host:port."""
    return _host(request, "google_pubsub")


@pytest.fixture(params=["local", "google"])
@starts_processes
def firestore_host(request: pytest.FixtureRequest) -> str:
    """The address of Firestore, host:port."""
    return _host(request, "google_firestore")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that takes pushes, tasks and webhooks."""
    with Receiver() as server:
        yield server


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which implementations the tests ran against."""
    hosts: dict[str, set[str]] = defaultdict(set)
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            node = _NODE.search(report.nodeid)
            if node:
                hosts[node["service"]].add(node["host"] or "local")
    for service, ran in sorted(hosts.items()):
        terminalreporter.write_line(f"conformance: {service} ran against {', '.join(sorted(ran, reverse=True))}")


def _host(request: pytest.FixtureRequest, google: str) -> str:
    if request.param == "google":
        address: str = request.getfixturevalue(google)
        return address
    cloud: LocalCloud = request.getfixturevalue("local_cloud")
    return cloud.grpc_address
