"""The product's own clients (shared/cloud/clients.py) reach the local servers by the variables that `make run` sets."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from shared.cloud import clients, pubsub, secrets, storage, tasks
from shared.cloud.settings import settings

PROJECT = "clients-test"


@pytest.fixture(autouse=True)
def environment(local_cloud, monkeypatch) -> Iterator[None]:
    """The environment of a local run, and clients built anew."""
    for name in ("PUBSUB", "FIRESTORE", "CLOUD_TASKS", "SECRET_MANAGER"):
        monkeypatch.setenv(f"{name}_EMULATOR_HOST", local_cloud.grpc_address)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", local_cloud.http_url)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", PROJECT)
    built = (clients.publisher, clients.tasks, clients.secret_manager, clients.storage, clients.firestore)
    settings.cache_clear()
    for client in built:
        client.provide(None)
    yield
    settings.cache_clear()
    for client in built:
        client.provide(None)


def test_messages_are_published_and_an_unknown_topic_is_told_apart():
    clients.publisher().create_topic(name=f"projects/{PROJECT}/topics/known")
    outcomes = pubsub.publish([("known", {"n": 1}, {}), ("unknown", {"n": 2}, {})])
    assert outcomes[0] is None
    assert isinstance(outcomes[1], Exception)


def test_a_named_task_is_made_once_and_a_missing_queue_is_an_error():
    parent = f"projects/{PROJECT}/locations/{settings().region}"
    clients.tasks().create_queue(parent=parent, queue={"name": f"{parent}/queues/later"})
    later = datetime.now(UTC) + timedelta(hours=1)
    for _ in range(2):
        tasks.enqueue("later", "expire", "/tasks/expire", {}, name="once", due_at=later)
    with pytest.raises(tasks.NotEnqueued):
        tasks.enqueue("missing", "expire", "/tasks/expire", {})


def test_a_file_is_written_once():
    clients.storage().create_bucket("clients-test-files")
    storage.put_once("clients-test-files", "ticket.pdf", b"first", "application/pdf")
    storage.put_once("clients-test-files", "ticket.pdf", b"second", "application/pdf")
    assert storage.get("clients-test-files", "ticket.pdf") == b"first"
    assert storage.get("clients-test-files", "nothing.pdf") is None


def test_the_latest_version_of_a_secret_is_read():
    client = clients.secret_manager()
    client.create_secret(
        parent=f"projects/{PROJECT}", secret_id="clients-test-key", secret={"replication": {"automatic": {}}}
    )
    for value in (b"old", b"new"):
        client.add_secret_version(parent=f"projects/{PROJECT}/secrets/clients-test-key", payload={"data": value})
    assert secrets.secret("clients-test-key") == "new"


def test_a_document_is_kept():
    document = clients.firestore().document("things/one")
    document.set({"free": 3})
    assert document.get().to_dict() == {"free": 3}
