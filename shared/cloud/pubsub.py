"""Publishing to Pub/Sub. Only the outbox calls this: every message is a row first."""

import json
from collections.abc import Sequence
from concurrent.futures import wait
from typing import Any

from shared.cloud import clients, permissions, tracing
from shared.cloud.settings import settings

PUBLISH_TIMEOUT_SECONDS = 10


def publish(messages: Sequence[tuple[str, dict[str, Any], dict[str, str]]]) -> list[Exception | None]:
    """Publish (topic, payload, attributes) messages and wait for all acknowledgements, at most 10 seconds.

    Returns, in the same order, None where Pub/Sub has acknowledged and the error where it has not.
    """
    for topic in {topic for topic, _, _ in messages}:
        permissions.check("publishes", topic)
    with tracing.span("publish", "producer", {"messaging.batch.message_count": len(messages)}):
        return _publish(messages)


def _publish(messages: Sequence[tuple[str, dict[str, Any], dict[str, str]]]) -> list[Exception | None]:
    try:
        client = clients.publisher()
        futures = [
            client.publish(
                f"projects/{settings().google_cloud_project}/topics/{topic}",
                json.dumps(payload).encode(),
                **attributes,
            )
            for topic, payload, attributes in messages
        ]
    except Exception as error:  # noqa: BLE001 - any failure to hand over leaves the rows for the sweep
        return [error] * len(messages)
    wait(futures, timeout=PUBLISH_TIMEOUT_SECONDS * settings().timeout_factor)
    return [future.exception() if future.done() else TimeoutError("no acknowledgement") for future in futures]
