"""A subscription's policy: how messages are pushed, repeated and, when nobody takes them, given up."""

import base64
import json
import logging
from typing import Any

from sqlalchemy import Connection

from infra.local.cloud import pubsub_backlog
from infra.local.cloud.policies import AttemptResult, Caller, Dead, Delivery, Done, Policy, Request, Retry, Verdict

log = logging.getLogger(__name__)

_TAKEN = frozenset({102, 200, 201, 202, 204})
_PUSH_BACKOFF_SECONDS = (0.1, 60.0)  # what the cloud does by itself for push without a retry policy
_RETRY_POLICY_SECONDS = (10.0, 600.0)  # the defaults of a retry policy that is there but empty


def settings(subscription: Any) -> dict[str, Any]:
    """The parts of a raw Subscription that its queue's policy needs; times in seconds."""
    push, dead_letter = subscription.push_config, subscription.dead_letter_policy
    return {
        "endpoint": push.push_endpoint,
        "email": push.oidc_token.service_account_email,
        "audience": push.oidc_token.audience or push.push_endpoint,
        "backoff": _backoff(subscription),
        "dead_letter_topic": dead_letter.dead_letter_topic,
        "max_attempts": (dead_letter.max_delivery_attempts or 5) if dead_letter.dead_letter_topic else None,
    }


def _backoff(subscription: Any) -> tuple[float, float]:
    if not subscription.HasField("retry_policy"):
        return _PUSH_BACKOFF_SECONDS if subscription.push_config.push_endpoint else (0.0, 0.0)
    policy, (least, most) = subscription.retry_policy, _RETRY_POLICY_SECONDS
    return (
        policy.minimum_backoff.ToTimedelta().total_seconds() if policy.HasField("minimum_backoff") else least,
        policy.maximum_backoff.ToTimedelta().total_seconds() if policy.HasField("maximum_backoff") else most,
    )


class PubsubPolicy(Policy):
    """Push with the JSON wrapper, exponential backoff, dead-letter topic; also judges refused pulls."""

    keeps_finished = False

    def request(self, delivery: Delivery) -> Request:
        """The message in the wrapper that the cloud's push uses."""
        settings = delivery.settings
        return Request(
            url=settings["endpoint"],
            headers={"Content-Type": "application/json", "User-Agent": "CloudPubSub-Google"},
            body=json.dumps(_wrapper(delivery)).encode(),
            timeout_seconds=delivery.timeout_seconds,
            caller=Caller(settings["email"], settings["audience"]) if settings["email"] else None,
        )

    def verdict(self, delivery: Delivery, outcome: AttemptResult) -> Verdict:
        """Acknowledged by the five statuses the cloud takes for it; spent after `max_attempts`."""
        if outcome.status in _TAKEN:
            return Done()
        if delivery.settings["max_attempts"] and delivery.attempt >= delivery.settings["max_attempts"]:
            return Dead()
        least, most = delivery.settings["backoff"]
        return Retry(min(most, least * 2 ** min(delivery.attempt - 1, 30)))

    def dead_letter(self, tx: Connection, delivery: Delivery) -> None:
        """Publish the message to the dead-letter topic, with where it comes from in its attributes."""
        message = pubsub_backlog.Message.FromString(delivery.body or b"")
        _, project, _, subscription = delivery.queue.split("/")
        origin = {
            "CloudPubSubDeadLetterSourceDeliveryCount": str(delivery.attempt),
            "CloudPubSubDeadLetterSourceSubscription": subscription,
            "CloudPubSubDeadLetterSourceSubscriptionProject": project,
            "CloudPubSubDeadLetterSourceTopicPublishTime": message.publish_time.ToJsonString(),
        }
        message.attributes.update(origin)
        try:
            pubsub_backlog.publish(tx, delivery.settings["dead_letter_topic"], [message])
        except pubsub_backlog.UnknownTopic as topic:
            log.error("%s: the dead-letter topic %s is gone; message %s stays here", delivery.queue, topic, delivery.id)


def _wrapper(delivery: Delivery) -> dict[str, Any]:
    message = pubsub_backlog.Message.FromString(delivery.body or b"")
    published_at = message.publish_time.ToJsonString()
    content: dict[str, Any] = {
        "messageId": message.message_id,
        "message_id": message.message_id,
        "publishTime": published_at,
        "publish_time": published_at,
    }
    if message.data:
        content["data"] = base64.b64encode(message.data).decode()
    if message.attributes:
        content["attributes"] = dict(message.attributes)
    if message.ordering_key:
        content["orderingKey"] = message.ordering_key
    wrapper: dict[str, Any] = {"message": content, "subscription": delivery.queue}
    if delivery.settings["max_attempts"]:
        wrapper["deliveryAttempt"] = delivery.attempt
    return wrapper
