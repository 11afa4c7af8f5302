"""Pub/Sub as the product uses it: the same tests against our local server and Google's emulator.

Known differences, none of which the product may lean on:
- Filters: ours applies them; the emulator accepts and ignores them.
- Push: ours signs an OIDC token when one is configured and puts orderingKey and deliveryAttempt (with a
  dead-letter policy) into the body as the cloud does; the emulator does none of these.
- Backoff: ours is exact to some milliseconds; the emulator's is coarse, about a second at the least.
- Dead letters of pulls: ours go when the last allowed attempt is refused; the emulator's when the source
  subscription is pulled again after that.
- A pulled message whose ack deadline lapses comes back at once with ours, without the retry policy's backoff.
- Durability: ours keeps what it acknowledged over kill -9; the emulator forgets everything.
- Ours refuses (UNIMPLEMENTED) ordered and exactly-once subscriptions, push without wrapper, retained acknowledged
  messages, snapshots, seek and schemas. A message's ordering key is kept and handed over all the same.
- A dead letter whose topic has been deleted stays, shown as dead, in ours; the cloud goes on delivering it.
"""

import base64
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from google.api_core.exceptions import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    MethodNotImplemented,
    NotFound,
)
from google.auth.exceptions import InvalidValue
from google.auth.transport.requests import Request
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.cloud.pubsub_v1.types import PublisherOptions
from google.oauth2 import id_token
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from tests.conformance.local_cloud import LocalCloud
from tests.conformance.receiver import Receiver, StubResponse
from tests.conformance.timing import assert_apart
from tests.waiting import PATIENCE_SECONDS, until

DEAD_LETTER_ATTRIBUTES = {
    "CloudPubSubDeadLetterSourceDeliveryCount",
    "CloudPubSubDeadLetterSourceSubscription",
    "CloudPubSubDeadLetterSourceSubscriptionProject",
    "CloudPubSubDeadLetterSourceTopicPublishTime",
}


@dataclass
class Pubsub:
    """Google's clients on one server, in a project of the test's own."""

    publisher: PublisherClient
    subscriber: SubscriberClient
    project: str

    def topic(self, name: str = "topic") -> str:
        """Make a topic."""
        path = f"projects/{self.project}/topics/{name}"
        self.publisher.create_topic(name=path)
        return path

    def subscription(self, topic: str, name: str = "subscription", **settings: Any) -> str:
        """Make a subscription."""
        path = f"projects/{self.project}/subscriptions/{name}"
        self.subscriber.create_subscription(request={"name": path, "topic": topic, **settings})
        return path

    def publish(self, topic: str, *texts: str, ordering_key: str = "", **attributes: str) -> list[str]:
        """Publish a message for each text and wait until they are safe; returns their ids."""
        send = self.publisher.publish
        futures = [send(topic, text.encode(), ordering_key=ordering_key, **attributes) for text in texts]
        return [future.result(timeout=20) for future in futures]

    def acknowledge(self, subscription: str, *received: Any) -> None:
        """Acknowledge pulled messages."""
        ids = [each.ack_id for each in received]
        self.subscriber.acknowledge(request={"subscription": subscription, "ack_ids": ids})

    def hold(self, subscription: str, seconds: int, *received: Any) -> None:
        """Let the ack deadline of pulled messages be so far ahead; 0 refuses them."""
        ids = [each.ack_id for each in received]
        request = {"subscription": subscription, "ack_ids": ids, "ack_deadline_seconds": seconds}
        self.subscriber.modify_ack_deadline(request=request)

    def pull(self, subscription: str, count: int = 1, *, within_seconds: float = PATIENCE_SECONDS) -> list[Any]:
        """Pull until `count` messages have come."""
        received: list[Any] = []
        deadline = time.monotonic() + within_seconds
        while len(received) < count and time.monotonic() < deadline:
            request = {"subscription": subscription, "max_messages": count - len(received)}
            received += self.subscriber.pull(request=request, timeout=20).received_messages
        assert len(received) == count
        return received

    def backlog(self, subscription: str) -> list[Any]:
        """The messages that can be pulled at once."""
        request = {"subscription": subscription, "max_messages": 100, "return_immediately": True}
        with pytest.warns(DeprecationWarning, match="return_immediately"):
            return list(self.subscriber.pull(request=request, timeout=20).received_messages)


def clients(address: str, monkeypatch: pytest.MonkeyPatch) -> Pubsub:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", address)
    ordered = PublisherOptions(enable_message_ordering=True)
    publisher = PublisherClient(publisher_options=ordered)
    return Pubsub(publisher, SubscriberClient(), f"test-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def pubsub(pubsub_host: str, monkeypatch: pytest.MonkeyPatch) -> Pubsub:
    """Clients of each implementation in turn."""
    return clients(pubsub_host, monkeypatch)


@pytest.fixture
def local(local_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Pubsub:
    """Clients of our server, for what the emulator lacks."""
    return clients(local_cloud.grpc_address, monkeypatch)


# Topics and subscriptions


def test_a_topic_is_made_found_listed_and_deleted(pubsub: Pubsub) -> None:
    names = sorted(pubsub.topic(name) for name in ("apple", "banana", "cherry"))

    assert pubsub.publisher.get_topic(topic=names[0]).name == names[0]
    listed = pubsub.publisher.list_topics(request={"project": f"projects/{pubsub.project}", "page_size": 2})
    assert sorted(topic.name for topic in listed) == names
    with pytest.raises(AlreadyExists):
        pubsub.publisher.create_topic(name=names[0])

    pubsub.publisher.delete_topic(topic=names[0])
    with pytest.raises(NotFound):
        pubsub.publisher.get_topic(topic=names[0])
    with pytest.raises(NotFound):
        pubsub.publish(names[0], "nobody hears this")


def test_a_subscription_is_made_found_listed_and_deleted(pubsub: Pubsub) -> None:
    topic = pubsub.topic()
    subscription = pubsub.subscription(topic, ack_deadline_seconds=20)

    found = pubsub.subscriber.get_subscription(subscription=subscription)
    assert (found.topic, found.ack_deadline_seconds) == (topic, 20)
    assert [each.name for each in pubsub.subscriber.list_subscriptions(project=f"projects/{pubsub.project}")] == [
        subscription
    ]
    assert list(pubsub.publisher.list_topic_subscriptions(topic=topic)) == [subscription]
    with pytest.raises(AlreadyExists):
        pubsub.subscription(topic)
    with pytest.raises(NotFound):
        pubsub.subscription(f"{topic}-that-is-not-there", "other")

    pubsub.subscriber.delete_subscription(subscription=subscription)
    with pytest.raises(NotFound):
        pubsub.subscriber.get_subscription(subscription=subscription)


def test_a_subscription_outlives_its_topic(pubsub: Pubsub) -> None:
    topic = pubsub.topic()
    subscription = pubsub.subscription(topic)
    pubsub.publish(topic, "still here")

    pubsub.publisher.delete_topic(topic=topic)

    assert pubsub.subscriber.get_subscription(subscription=subscription).topic == "_deleted-topic_"
    assert pubsub.pull(subscription)[0].message.data == b"still here"


def test_a_subscription_is_changed_where_the_mask_says(pubsub: Pubsub) -> None:
    subscription = pubsub.subscription(pubsub.topic(), ack_deadline_seconds=20)

    wanted = {"name": subscription, "ack_deadline_seconds": 30, "labels": {"left": "out"}}
    pubsub.subscriber.update_subscription(
        request={"subscription": wanted, "update_mask": FieldMask(paths=["ack_deadline_seconds"])}
    )

    changed = pubsub.subscriber.get_subscription(subscription=subscription)
    assert (changed.ack_deadline_seconds, dict(changed.labels)) == (30, {})


# Publish and pull


def test_a_message_arrives_as_it_was_published(pubsub: Pubsub) -> None:
    topic = pubsub.topic()
    subscription = pubsub.subscription(topic)
    before = datetime.now(UTC)

    [message_id] = pubsub.publish(topic, "hello", kind="greeting", language="id")

    [received] = pubsub.pull(subscription)
    message = received.message
    assert (message.message_id, message.data) == (message_id, b"hello")
    assert dict(message.attributes) == {"kind": "greeting", "language": "id"}
    assert abs((message.publish_time - before).total_seconds()) < PATIENCE_SECONDS
    assert received.delivery_attempt == 0  # only counted with a dead-letter policy


def test_the_ordering_key_is_kept(pubsub: Pubsub) -> None:
    topic = pubsub.topic()
    subscription = pubsub.subscription(topic)

    pubsub.publish(topic, "reserved", ordering_key="order-1")

    assert pubsub.pull(subscription)[0].message.ordering_key == "order-1"


def test_every_subscription_gets_its_own_copy(pubsub: Pubsub) -> None:
    topic = pubsub.topic()
    mail, tickets = pubsub.subscription(topic, "mail"), pubsub.subscription(topic, "tickets")

    [message_id] = pubsub.publish(topic, "paid")

    for subscription in (mail, tickets):
        [received] = pubsub.pull(subscription)
        assert received.message.message_id == message_id
        pubsub.acknowledge(subscription, received)


def test_a_message_without_data_and_attributes_is_refused(pubsub: Pubsub) -> None:
    topic = pubsub.topic()
    with pytest.raises(InvalidArgument):
        pubsub.publish(topic, "")


def test_an_acknowledged_message_is_gone_and_a_refused_one_comes_back(pubsub: Pubsub) -> None:
    topic = pubsub.topic()
    subscription = pubsub.subscription(topic)
    pubsub.publish(topic, "keep", "refuse")
    received = {each.message.data: each for each in pubsub.pull(subscription, 2)}

    pubsub.acknowledge(subscription, received[b"keep"])
    pubsub.hold(subscription, 0, received[b"refuse"])

    [again] = pubsub.pull(subscription)
    assert again.message.data == b"refuse"
    pubsub.acknowledge(subscription, again)
    assert pubsub.backlog(subscription) == []


def test_a_message_comes_back_when_its_deadline_has_passed(pubsub: Pubsub) -> None:
    topic = pubsub.topic()
    subscription = pubsub.subscription(topic)
    pubsub.publish(topic, "forgotten")
    [received] = pubsub.pull(subscription)
    pulled_at = time.monotonic()

    pubsub.hold(subscription, 1, received)

    [again] = pubsub.pull(subscription)
    assert again.message.data == b"forgotten"
    assert time.monotonic() - pulled_at >= 0.9


def test_a_streaming_pull_hands_over_all_messages_once(pubsub: Pubsub) -> None:
    topic = pubsub.topic()
    subscription = pubsub.subscription(topic)
    texts = [f"message {number}" for number in range(100)]
    seen: list[str] = []
    complete = threading.Event()

    def take(message: Any) -> None:
        seen.append(message.data.decode())
        message.ack()
        if len(seen) == len(texts):
            complete.set()

    stream = pubsub.subscriber.subscribe(subscription, take)
    pubsub.publish(topic, *texts)
    arrived = complete.wait(PATIENCE_SECONDS)
    stream.cancel()
    stream.result(timeout=10)

    assert arrived
    assert sorted(seen) == sorted(texts)


def test_a_message_nobody_takes_becomes_a_dead_letter(pubsub: Pubsub) -> None:
    graveyard = pubsub.topic("dead")
    dead = pubsub.subscription(graveyard, "dead-letters")
    topic = pubsub.topic()
    policy = {"dead_letter_topic": graveyard, "max_delivery_attempts": 5}
    subscription = pubsub.subscription(topic, dead_letter_policy=policy)
    pubsub.publish(topic, "poison", kind="test")

    attempts = []
    for _ in range(5):
        [received] = pubsub.pull(subscription)
        attempts.append(received.delivery_attempt)
        pubsub.hold(subscription, 0, received)

    assert pubsub.backlog(subscription) == []
    [letter] = pubsub.pull(dead)
    assert attempts == [1, 2, 3, 4, 5]
    assert (letter.message.data, letter.message.attributes["kind"]) == (b"poison", "test")
    assert set(letter.message.attributes) >= DEAD_LETTER_ATTRIBUTES
    assert letter.message.attributes["CloudPubSubDeadLetterSourceSubscription"] == "subscription"
    assert letter.message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"


# Push


def push_to(url: str, **settings: Any) -> dict[str, Any]:
    return {"push_config": {"push_endpoint": url, **settings}}


def backoff(least: float, most: float) -> dict[str, Duration]:
    def duration(seconds: float) -> Duration:
        return Duration(seconds=int(seconds), nanos=int(seconds % 1 * 1e9))

    return {"minimum_backoff": duration(least), "maximum_backoff": duration(most)}


def test_a_push_carries_the_message_in_the_wrapper(pubsub: Pubsub, receiver: Receiver) -> None:
    topic = pubsub.topic()
    subscription = pubsub.subscription(topic, **push_to(receiver.url("/push")))

    [message_id] = pubsub.publish(topic, "hello", kind="greeting")

    [request] = receiver.wait_for("/push", 1)
    wrapper = request.json
    assert (request.method, request.headers["Content-Type"]) == ("POST", "application/json")
    assert wrapper["subscription"] == subscription
    assert base64.b64decode(wrapper["message"]["data"]) == b"hello"
    assert wrapper["message"]["attributes"] == {"kind": "greeting"}
    assert wrapper["message"]["messageId"] == message_id
    assert datetime.fromisoformat(wrapper["message"]["publishTime"]).tzinfo is not None


def test_a_push_is_repeated_until_it_is_taken(pubsub: Pubsub, receiver: Receiver) -> None:
    receiver.answer("/push", 500, 204)
    topic = pubsub.topic()
    pubsub.subscription(topic, **push_to(receiver.url("/push")), retry_policy=backoff(0.2, 1))

    pubsub.publish(topic, "important")

    pushes = receiver.wait_for("/push", 2)
    assert len({push.json["message"]["messageId"] for push in pushes}) == 1


def test_a_subscription_turns_from_pull_to_push_and_back(pubsub: Pubsub, receiver: Receiver) -> None:
    topic = pubsub.topic()
    subscription = pubsub.subscription(topic)
    pubsub.publish(topic, "waits for a pull")

    push = {"push_endpoint": receiver.url("/push")}
    pubsub.subscriber.modify_push_config(request={"subscription": subscription, "push_config": push})
    receiver.wait_for("/push", 1)
    pubsub.subscriber.modify_push_config(request={"subscription": subscription, "push_config": {}})
    pubsub.publish(topic, "pulled")

    assert pubsub.pull(subscription)[0].message.data == b"pulled"


# What the emulator lacks


def test_a_failed_push_waits_longer_each_time(local: Pubsub, receiver: Receiver) -> None:
    receiver.answer("/push", 503, 503, 503, 503, 204)
    topic = local.topic()
    local.subscription(topic, **push_to(receiver.url("/push")), retry_policy=backoff(0.1, 0.3))

    local.publish(topic, "important")

    assert_apart(receiver.wait_for("/push", 5), 0.1, 0.2, 0.3, 0.3)


def test_a_push_that_is_never_taken_becomes_a_dead_letter(
    local: Pubsub, local_cloud: LocalCloud, receiver: Receiver
) -> None:
    receiver.answer("/push", 500)
    graveyard = local.topic("dead")
    dead = local.subscription(graveyard, "dead-letters")
    topic = local.topic()
    policy = {"dead_letter_topic": graveyard, "max_delivery_attempts": 5}
    subscription = local.subscription(
        topic, **push_to(receiver.url("/push")), retry_policy=backoff(0.05, 0.05), dead_letter_policy=policy
    )

    local.publish(topic, "poison", ordering_key="order-1")

    [letter] = local.pull(dead)
    pushes = [request.json for request in receiver.received("/push")]
    assert [push["deliveryAttempt"] for push in pushes] == [1, 2, 3, 4, 5]
    assert {push["message"]["orderingKey"] for push in pushes} == {"order-1"}
    assert letter.message.attributes["CloudPubSubDeadLetterSourceSubscriptionProject"] == local.project
    assert subscription in {each["queue"] for each in local_cloud.state()["dead_letters"]}


def test_a_dead_letter_topic_must_be_there(local: Pubsub) -> None:
    missing = {"dead_letter_topic": f"projects/{local.project}/topics/missing", "max_delivery_attempts": 5}
    with pytest.raises(NotFound):
        local.subscription(local.topic(), dead_letter_policy=missing)


def test_a_push_proves_who_sends_it(local: Pubsub, local_cloud: LocalCloud, receiver: Receiver) -> None:
    topic = local.topic()
    sender = {"service_account_email": "push@test.iam.gserviceaccount.com", "audience": "https://issue-ticket"}
    local.subscription(topic, **push_to(receiver.url("/push"), oidc_token=sender))

    local.publish(topic, "paid")

    [push] = receiver.wait_for("/push", 1)
    token = push.headers["Authorization"].removeprefix("Bearer ")
    certificates = f"{local_cloud.http_url}/oidc/certs"
    claims = id_token.verify_token(token, Request(), audience="https://issue-ticket", certs_url=certificates)
    assert (claims["email"], claims["email_verified"]) == ("push@test.iam.gserviceaccount.com", True)
    assert claims["iss"] == "https://accounts.google.com"
    with pytest.raises(InvalidValue):
        id_token.verify_token(token, Request(), audience="https://send-email", certs_url=certificates)


def test_what_is_not_served_is_refused(local: Pubsub) -> None:
    topic = local.topic()
    with pytest.raises(MethodNotImplemented):
        local.subscription(topic, enable_message_ordering=True)
    with pytest.raises(MethodNotImplemented):
        local.subscription(topic, enable_exactly_once_delivery=True)


def test_a_pushed_subscription_cannot_be_pulled(local: Pubsub, receiver: Receiver) -> None:
    subscription = local.subscription(local.topic(), **push_to(receiver.url("/push")))
    with pytest.raises(FailedPrecondition):
        local.pull(subscription)


def test_the_state_shows_the_backlog(local: Pubsub, local_cloud: LocalCloud) -> None:
    topic = local.topic()
    subscription = local.subscription(topic)
    local.publish(topic, "one", "two")

    [shown] = [each for each in local_cloud.state()["subscriptions"] if each["name"] == subscription]

    assert shown["backlog"] == 2
    assert 0 <= shown["oldest_seconds"] < 60


def test_kill_9_loses_no_acknowledged_publish(local: Pubsub, local_cloud: LocalCloud, receiver: Receiver) -> None:
    receiver.answer("/push", 503)
    topic = local.topic()
    pushed = push_to(receiver.url("/push"))
    local.subscription(topic, "pushed", **pushed, retry_policy=backoff(1, 1))
    pulled = local.subscription(topic, "pulled")

    published = local.publish(topic, *(f"message {number}" for number in range(100)))
    local_cloud.restart(kill=True)

    assert sorted(each.message.message_id for each in local.pull(pulled, 100)) == sorted(published)
    before = len(receiver.received("/push"))
    receiver.answer("/push", 204)
    until(lambda: {push.json["message"]["messageId"] for push in receiver.received("/push")[before:]} == set(published))


def test_a_push_under_way_at_kill_9_is_made_again(local: Pubsub, local_cloud: LocalCloud, receiver: Receiver) -> None:
    receiver.answer("/push", StubResponse(after_seconds=60), 204)
    topic = local.topic()
    local.subscription(topic, **push_to(receiver.url("/push")), ack_deadline_seconds=600)
    local.publish(topic, "important")
    receiver.wait_for("/push", 1)

    local_cloud.restart(kill=True)

    receiver.wait_for("/push", 2)


def test_500_messages_are_all_pushed(local: Pubsub, receiver: Receiver) -> None:
    topic = local.topic()
    local.subscription(topic, **push_to(receiver.url("/push")))

    local.publish(topic, *(f"message {number}" for number in range(500)))

    receiver.wait_for("/push", 500)


def test_an_idle_server_pushes_at_once(local: Pubsub, receiver: Receiver) -> None:
    topic = local.topic()
    local.subscription(topic, **push_to(receiver.url("/push")))
    delays = []
    for number in range(1, 11):
        [_] = local.publish(topic, "now")
        published_at = time.time()
        delays.append(receiver.wait_for("/push", number)[-1].at - published_at)

    assert min(delays) < 0.2


def test_a_filter_is_refused(local: Pubsub) -> None:
    with pytest.raises(MethodNotImplemented):
        local.subscription(local.topic(), filter='attributes.kind = "paid"')
