"""Secret Manager as the product uses it. There is no emulator by Google: the cloud alone can prove our reading."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import google_crc32c
import grpc
import pytest
from google.api_core.exceptions import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from google.cloud.secretmanager_v1 import (
    Replication,
    Secret,
    SecretManagerServiceClient,
    SecretPayload,
    SecretVersion,
)
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)

PROJECT = "projects/karcis-conformance"
State = SecretVersion.State


@pytest.fixture
def client(local_cloud: Any) -> SecretManagerServiceClient:
    """The client as the product makes it: it has no emulator variable, so it is handed a channel."""
    channel = grpc.insecure_channel(local_cloud.grpc_address)
    return SecretManagerServiceClient(transport=SecretManagerServiceGrpcTransport(channel=channel))


@pytest.fixture
def secret(client: SecretManagerServiceClient) -> str:
    """The name of a secret without versions."""
    return create(client, f"webhook-token-{uuid4().hex}")


def create(client: SecretManagerServiceClient, secret_id: str) -> str:
    """Create a secret and return its full name."""
    secret = Secret(replication=Replication(automatic=Replication.Automatic()), labels={"gateway": "xendit"})
    return client.create_secret(parent=PROJECT, secret_id=secret_id, secret=secret).name


def add(client: SecretManagerServiceClient, secret: str, data: bytes) -> str:
    """Add a version and return its full name."""
    payload = SecretPayload(data=data, data_crc32c=google_crc32c.value(data))
    return client.add_secret_version(parent=secret, payload=payload).name


def access(client: SecretManagerServiceClient, version: str) -> bytes:
    """The payload of a version, its checksum verified."""
    payload = client.access_secret_version(name=version).payload
    assert payload.data_crc32c == google_crc32c.value(payload.data)
    return payload.data


def test_a_secret_is_created_once_and_found_by_name(client: SecretManagerServiceClient, secret: str) -> None:
    assert client.get_secret(name=secret).labels == {"gateway": "xendit"}
    with pytest.raises(AlreadyExists):
        create(client, secret.rsplit("/", 1)[1])
    with pytest.raises(InvalidArgument):
        create(client, "not an id")
    with pytest.raises(NotFound):
        client.get_secret(name=f"{PROJECT}/secrets/missing")


def test_the_latest_version_is_the_one_added_last(client: SecretManagerServiceClient, secret: str) -> None:
    with pytest.raises(NotFound):
        access(client, f"{secret}/versions/latest")
    first = add(client, secret, b"one")
    second = add(client, secret, b"\x00two\xff")
    assert (first, second) == (f"{secret}/versions/1", f"{secret}/versions/2")
    assert access(client, first) == b"one"
    assert access(client, f"{secret}/versions/latest") == b"\x00two\xff"
    assert client.access_secret_version(name=f"{secret}/versions/latest").name == second
    for missing in ("3", "0", "newest"):
        with pytest.raises(NotFound):
            access(client, f"{secret}/versions/{missing}")


def test_a_payload_that_was_damaged_on_its_way_is_refused(client: SecretManagerServiceClient, secret: str) -> None:
    with pytest.raises(InvalidArgument):
        client.add_secret_version(parent=secret, payload=SecretPayload(data=b"one", data_crc32c=1))
    with pytest.raises(InvalidArgument):
        add(client, secret, b"x" * 65_537)
    assert list(client.list_secret_versions(parent=secret)) == []


def test_a_disabled_version_cannot_be_read_until_it_is_enabled(client: SecretManagerServiceClient, secret: str) -> None:
    version = add(client, secret, b"one")
    assert client.disable_secret_version(name=version).state == State.DISABLED
    for name in (version, f"{secret}/versions/latest"):
        with pytest.raises(FailedPrecondition):
            access(client, name)
    assert client.enable_secret_version(name=version).state == State.ENABLED
    assert access(client, version) == b"one"


def test_a_destroyed_version_is_gone_for_good(client: SecretManagerServiceClient, secret: str) -> None:
    version = add(client, secret, b"one")
    destroyed = client.destroy_secret_version(name=version)
    assert destroyed.state == State.DESTROYED
    assert destroyed.destroy_time >= destroyed.create_time
    for attempt in (client.enable_secret_version, client.disable_secret_version, client.access_secret_version):
        with pytest.raises(FailedPrecondition):
            attempt(name=version)
    assert client.get_secret_version(name=version).state == State.DESTROYED


def test_versions_and_secrets_are_listed(client: SecretManagerServiceClient, secret: str) -> None:
    versions = [add(client, secret, b"x") for _ in range(5)]
    listed = client.list_secret_versions(request={"parent": secret, "page_size": 2})
    assert [version.name for version in listed] == versions[::-1]
    assert secret in [found.name for found in client.list_secrets(request={"parent": PROJECT, "page_size": 1})]


def test_a_deleted_secret_takes_its_versions_along(client: SecretManagerServiceClient, secret: str) -> None:
    add(client, secret, b"old")
    client.delete_secret(name=secret)
    for attempt in (client.get_secret, client.delete_secret):
        with pytest.raises(NotFound):
            attempt(name=secret)
    create(client, secret.rsplit("/", 1)[1])
    assert add(client, secret, b"new") == f"{secret}/versions/1"


def test_versions_added_at_the_same_time_get_numbers_of_their_own(
    client: SecretManagerServiceClient, secret: str
) -> None:
    with ThreadPoolExecutor(4) as threads:
        versions = list(threads.map(lambda number: add(client, secret, str(number).encode()), range(12)))
    assert sorted(int(version.rsplit("/", 1)[1]) for version in versions) == list(range(1, 13))
    assert [access(client, version) for version in versions] == [str(number).encode() for number in range(12)]


def test_kill_9_keeps_what_was_acknowledged(local_cloud: Any, client: SecretManagerServiceClient, secret: str) -> None:
    version = add(client, secret, b"one")
    local_cloud.restart(kill=True)
    assert access(client, version) == b"one"  # the client itself tries again until the server is back
