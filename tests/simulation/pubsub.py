"""Pub/Sub in this process: each message becomes one delivery a subscription; what is given up lies in dead letters."""

import base64
import json
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

from google.api_core.exceptions import ServiceUnavailable

from functions.manifest import Manifest
from tests.simulation.clock import Clock
from tests.simulation.delivery import Deliveries, Delivery, DeliveryKind
from tests.simulation.faults import Faults, Point

PUSH_BACKOFF_SECONDS = (1.0, 600.0)
"""As infra/terraform/messaging.tf has it."""


class PubSub:
    """Stands in for google.cloud.pubsub_v1.PublisherClient."""

    def __init__(self, manifest: Manifest, clock: Clock, faults: Faults, deliveries: Deliveries) -> None:
        self._clock, self._faults, self._deliveries = clock, faults, deliveries
        self._count = 0
        self.taken: set[tuple[str, str]] = set()
        """Every message that was taken: its topic and its payload."""
        self._subscriptions: dict[str, list[tuple[str, int]]] = {topic: [] for topic in manifest.topics}
        for name, function in manifest.functions.items():
            for topic, attempts in function.subscriptions.items():
                self._subscriptions[topic].append((name, attempts))

    def publish(self, topic: str, data: bytes, **attributes: str) -> "Future[str]":
        """Take a message."""
        outcome: Future[str] = Future()
        self._faults.pass_by(Point.PUBLISH, "before")
        if self._faults.due(Point.PUBLISH):
            outcome.set_exception(ServiceUnavailable("Pub/Sub can't be reached"))
            return outcome
        self._count += 1
        name = topic.rsplit("/", 1)[1]
        self.taken.add((name, json.dumps(json.loads(data), sort_keys=True)))
        for function, attempts in self._subscriptions[name]:
            self._deliveries.add(
                DeliveryKind.MESSAGE,
                function,
                f"/messages/{name}",
                json.dumps(
                    {
                        "message": {
                            "data": base64.b64encode(data).decode(),
                            "attributes": attributes,
                            "messageId": str(self._count),
                        },
                        "subscription": f"projects/karcis-local/subscriptions/{function}-{name}",
                    }
                ).encode(),
                self._clock.seconds,
                waits=_push_waits(attempts),
            )
        outcome.set_result(str(self._count))
        self._faults.pass_by(Point.PUBLISH, "after")
        return outcome


class DeadLetters:
    """Stands in for google.cloud.pubsub_v1.SubscriberClient, for what was given up."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries

    def pull(self, *, subscription: str, max_messages: int, **_: object) -> Any:
        """The messages of a topic that were given up and are not acknowledged."""
        topic = subscription.rsplit("/", 1)[1].removesuffix(".dead")
        found = [each for each in self._deliveries.dead if each.path == f"/messages/{topic}"][:max_messages]
        return SimpleNamespace(received_messages=[_received(each) for each in found])

    def acknowledge(self, *, ack_ids: list[int], **_: object) -> None:
        """Forget these."""
        self._deliveries.dead = [each for each in self._deliveries.dead if each.number not in ack_ids]


def _received(delivery: Delivery) -> Any:
    message = json.loads(delivery.body)["message"]
    origin = {
        "CloudPubSubDeadLetterSourceDeliveryCount": str(delivery.attempt),
        "CloudPubSubDeadLetterSourceSubscription": delivery.function,
    }
    return SimpleNamespace(
        ack_id=delivery.number,
        message=SimpleNamespace(
            data=base64.b64decode(message["data"]),
            attributes={**message["attributes"], **origin},
            message_id=f"{message['messageId']}-{delivery.function}",
        ),
    )


def _push_waits(attempts: int) -> tuple[float, ...]:
    least, most = PUSH_BACKOFF_SECONDS
    return tuple(min(most, least * 2.0**number) for number in range(attempts - 1))
