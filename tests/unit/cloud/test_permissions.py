"""A function uses what the manifest grants it and nothing else, also where all of them share a process."""

import threading
from collections.abc import Callable

import pytest

from functions.manifest import manifest
from shared.cloud import cache, permissions, pubsub, secrets, storage, tasks
from shared.cloud.permissions import PermissionMissing, Permissions
from shared.cloud.settings import settings

SECRET = "a-key-of-these-tests"
NOTHING = Permissions("nobody", frozenset())

USES: dict[str, Callable[[], object]] = {
    f"secrets/{SECRET}": lambda: secrets.secret(SECRET),
    "publishes/payment.success": lambda: pubsub.publish([("payment.success", {}, {})]),
    "enqueues/expire": lambda: tasks.enqueue("expire", "expire", "/tasks/expire", {}),
    "buckets/karcis-local-media": lambda: storage.get("karcis-local-media", "x"),
    "deletes_files/karcis-local-media": lambda: storage.delete_all("karcis-local-media", "x"),
    "cache/shared": lambda: cache.lookup("x", "y"),
}


@pytest.fixture(autouse=True)
def a_secret() -> None:
    secrets.provide({SECRET: "known to nobody else"})


@pytest.mark.parametrize("thing", USES)
def test_what_is_not_granted_is_refused_by_name(thing: str):
    with permissions.run_as(NOTHING), pytest.raises(PermissionMissing, match=f"nobody: {thing}"):
        USES[thing]()


def test_what_is_granted_is_used():
    with permissions.run_as(Permissions("auth", frozenset({f"secrets/{SECRET}"}))):
        assert secrets.secret(SECRET)


def test_alone_in_its_process_a_function_is_not_asked():
    assert secrets.secret(SECRET)


def test_another_thread_runs_another_function():
    seen: list[str] = []
    with permissions.run_as(NOTHING):
        other = threading.Thread(target=lambda: seen.append(secrets.secret(SECRET)))
        other.start()
        other.join()
    assert len(seen) == 1


def test_the_manifest_says_what_is_granted():
    granted = {name: function.permissions.resources for name, function in manifest().functions.items()}
    media = settings().media_bucket
    assert {"secrets/code-signing-key", "publishes/email.requested", "cache/shared"} <= granted["auth"]
    assert {f"buckets/{media}", f"deletes_files/{media}"} <= granted["account"]
    assert f"deletes_files/{media}" not in granted["events"]
    assert "cache/shared" not in granted["retention"]
