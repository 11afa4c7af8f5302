"""Webhooks that another process enqueues into the store, as the simulators of the gateways do."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from infra.local.cloud import deliveries
from infra.local.cloud.store import open_store
from tests.conformance.local_cloud import LocalCloud
from tests.conformance.receiver import Receiver, StubResponse
from tests.conformance.timing import assert_apart
from tests.waiting import until


@pytest.fixture
def store(local_cloud: LocalCloud) -> Iterator[Engine]:
    """The store of the running server, opened by this process too."""
    engine = open_store(local_cloud.database_url)
    yield engine
    engine.dispose()


def test_a_webhook_leaves_soon_after_its_transaction(store: Engine, receiver: Receiver) -> None:
    headers = {"X-Callback-Token": "test", "Content-Type": "application/json"}
    paid, url = b'{"status":"PAID"}', receiver.url("/hook")
    delays = []
    for number in range(1, 6):
        with store.begin() as tx:
            deliveries.enqueue(tx, queue="webhooks", policy="xendit-webhook", url=url, headers=headers, body=paid)
        committed_at = time.time()
        request = receiver.wait_for("/hook", number)[-1]
        delays.append(request.at - committed_at)

    assert (request.headers["X-Callback-Token"], request.json) == ("test", {"status": "PAID"})
    assert min(delays) < 0.4


def test_a_webhook_of_a_transaction_that_failed_never_leaves(store: Engine, receiver: Receiver) -> None:
    with store.connect() as tx:
        deliveries.enqueue(tx, queue="webhooks", policy="xendit-webhook", url=receiver.url("/undone"))
        tx.rollback()
    deliveries.enqueue(store, queue="webhooks", policy="xendit-webhook", url=receiver.url("/after"))

    receiver.wait_for("/after", 1)

    assert receiver.received("/undone") == []


def test_a_late_webhook_leaves_at_its_time(store: Engine, receiver: Receiver) -> None:
    due = datetime.now(UTC) + timedelta(seconds=0.7)

    deliveries.enqueue(store, queue="webhooks", policy="midtrans-webhook", url=receiver.url("/late"), due_at=due)

    [request] = receiver.wait_for("/late", 1)
    assert request.time >= due


def test_a_refused_webhook_follows_the_gateways_retry_table(store: Engine, receiver: Receiver) -> None:
    receiver.answer("/refused", 502)
    scaled = {"time_scale": 0.01 / 120}  # the first wait, two minutes, takes 10 milliseconds

    url = receiver.url("/refused")
    deliveries.enqueue(store, queue="webhooks", policy="midtrans-webhook", url=url, options=scaled)

    assert_apart(receiver.wait_for("/refused", 6), 0.01, 0.05, 0.15, 0.45, 1.05)


def test_what_a_gateway_does_not_repeat_is_given_up(store: Engine, local_cloud: LocalCloud, receiver: Receiver) -> None:
    url = receiver.url("/moved")
    receiver.answer("/moved", StubResponse(302, {"Location": receiver.url("/elsewhere")}))

    deliveries.enqueue(store, queue="webhooks", policy="midtrans-webhook", url=url)

    until(lambda: url in {each["url"] for each in local_cloud.state()["dead_letters"]})
    assert len(receiver.received("/moved")) == 1


def test_no_answer_in_time_is_a_failed_attempt(store: Engine, receiver: Receiver) -> None:
    receiver.answer("/slow", StubResponse(after_seconds=300), 204)

    deliveries.enqueue(
        store,
        queue="webhooks",
        policy="xendit-webhook",
        url=receiver.url("/slow"),
        timeout_seconds=0.5,
        options={"time_scale": 0.0001},
    )

    receiver.wait_for("/slow", 2)


def test_a_receiver_that_is_not_there_is_asked_again(
    store: Engine, local_cloud: LocalCloud, receiver: Receiver
) -> None:
    nobody = "http://127.0.0.1:9/hook"

    deliveries.enqueue(store, queue="webhooks", policy="midtrans-webhook", url=nobody, options={"time_scale": 0.00001})

    def given_up() -> bool:
        return any(each["url"] == nobody and each["attempt"] == 6 for each in local_cloud.state()["dead_letters"])

    until(given_up)


def test_a_lane_must_be_open(store: Engine, receiver: Receiver) -> None:
    with pytest.raises(deliveries.UnknownQueue):
        deliveries.enqueue(store, queue="unknown", policy="xendit-webhook", url=receiver.url("/hook"))
