"""The shared cache (shared/cloud/live.py) with Google's client on the local Firestore."""

import time
from collections.abc import Iterator

import pytest

from shared.cloud import clients, live
from shared.cloud.settings import settings
from tests.conformance.local_cloud import LocalCloud
from tests.stack import until


@pytest.fixture(autouse=True)
def environment(local_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Google's own client, pointed to the local server."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", local_cloud.grpc_address)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "live-test")
    settings.cache_clear()
    clients.firestore.provide(None)
    live.circuit.close()
    yield
    settings.cache_clear()


def test_documents_come_back_as_they_went_in_and_missing_ones_are_none():
    document = {"title": "Konser Senja", "tiers": [{"available": 7}], "none": None}
    live.put("event:konser-senja", document, seconds=30)
    live.put("version:event:konser-senja", "1", seconds=30)
    keys = ("version:event:konser-senja", "event:lain", "event:konser-senja")
    assert live.get(*keys) == ["1", None, document]
    live.put("event:konser-senja", "2", seconds=30)
    assert live.get("event:konser-senja") == ["2"]


def test_a_document_is_missing_once_its_time_is_over():
    live.put("brief", 1, seconds=0.2)
    until(lambda: live.get("brief") == [None], seconds=5)


def test_while_firestore_is_away_the_answer_is_quick_and_afterwards_it_is_asked_again(
    local_cloud: LocalCloud, caplog: pytest.LogCaptureFixture
):
    live.put("kept", 1, seconds=60)
    local_cloud.stop(kill=True)
    begun = time.monotonic()
    assert [live.get("kept") for _ in range(20)] == [[None]] * 20
    live.put("other", 1, seconds=60)
    assert time.monotonic() - begun < live.TIMEOUT_SECONDS + 0.7
    assert caplog.messages.count("live.unavailable") == 1
    local_cloud.start()
    until(lambda: live.get("kept") == [1], seconds=live.REST_SECONDS + 15)
