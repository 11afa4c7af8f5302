"""google.pubsub.v1.Subscriber, the part that keeps subscriptions."""

import re
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1 import types
from sqlalchemy import Connection, Engine, Row

from infra.local.cloud import deliveries, pubsub_policy
from infra.local.cloud import pubsub_backlog as backlog
from infra.local.cloud.failures import Failure, failing
from infra.local.cloud.pages import page
from infra.local.cloud.rpc import Method, add_service

Subscription = types.Subscription.pb()
ListSubscriptionsResponse = types.ListSubscriptionsResponse.pb()

_METHODS = {
    "CreateSubscription": Method(Subscription, Subscription),
    "GetSubscription": Method(types.GetSubscriptionRequest.pb(), Subscription),
    "UpdateSubscription": Method(types.UpdateSubscriptionRequest.pb(), Subscription),
    "ListSubscriptions": Method(types.ListSubscriptionsRequest.pb(), ListSubscriptionsResponse),
    "DeleteSubscription": Method(types.DeleteSubscriptionRequest.pb(), Empty),
    "ModifyPushConfig": Method(types.ModifyPushConfigRequest.pb(), Empty),
}

_NAME = re.compile(r"projects/[^/]+/subscriptions/(?!goog)[A-Za-z][A-Za-z0-9_.~+%-]{2,254}")
_PUSH_AT_ONCE = 8
_WEEK, _MONTH = 7 * 86_400, 31 * 86_400  # seconds: default retention, default time to live
_NOT_SERVED = (
    "bigquery_config",
    "cloud_storage_config",
    "bigtable_config",
    "enable_exactly_once_delivery",
    "enable_message_ordering",
    "message_transforms",
    "retain_acked_messages",
)
_CHANGEABLE = {
    "ack_deadline_seconds",
    "dead_letter_policy",
    "expiration_policy",
    "labels",
    "message_retention_duration",
    "push_config",
    "retry_policy",
}


def register(server: grpc.Server, engine: Engine, changed: Callable[[], None]) -> None:
    """Serve the subscriptions on `server`; `changed` is called when one is to be delivered otherwise than before."""
    add_service(server, "google.pubsub.v1.Subscriber", _Subscriptions(engine, changed), _METHODS)


class _Subscriptions:
    def __init__(self, engine: Engine, changed: Callable[[], None]) -> None:
        self._engine = engine
        self._changed = changed

    @failing
    def CreateSubscription(self, subscription: Any, context: grpc.ServicerContext) -> Any:
        if not _NAME.fullmatch(subscription.name):
            raise Failure.invalid(f"{subscription.name!r} is not the name of a subscription")
        with self._engine.begin() as tx:
            if _row(tx, subscription.name):
                raise Failure(grpc.StatusCode.ALREADY_EXISTS, f"subscription {subscription.name} is there already")
            _require_topic(tx, subscription.topic)
            _complete(subscription)
            _keep(tx, subscription)
        return subscription

    @failing
    def GetSubscription(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self._engine.begin() as tx:
            return _get(tx, request.subscription)

    @failing
    def UpdateSubscription(self, request: Any, context: grpc.ServicerContext) -> Any:
        paths = {path.split(".")[0] for path in request.update_mask.paths}
        if not paths or paths - _CHANGEABLE:
            raise Failure.invalid(f"cannot change {sorted(paths - _CHANGEABLE)}")
        return self._change(request.subscription.name, request.subscription, request.update_mask)

    @failing
    def ModifyPushConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        """An empty configuration turns the subscription to pull."""
        wanted = Subscription(push_config=request.push_config)
        self._change(request.subscription, wanted, FieldMask(paths=["push_config"]))
        return Empty()

    @failing
    def ListSubscriptions(self, request: Any, context: grpc.ServicerContext) -> Any:
        parent = f"{request.project}/subscriptions"
        with self._engine.begin() as tx:
            found, token = page(tx, backlog.subscriptions, parent, request.page_size, request.page_token)
        return ListSubscriptionsResponse(subscriptions=map(Subscription.FromString, found), next_page_token=token)

    @failing
    def DeleteSubscription(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Delete a subscription with all that waits in it."""
        named = backlog.subscriptions.c.name == request.subscription
        with self._engine.begin() as tx:
            _get(tx, request.subscription)
            tx.execute(backlog.subscriptions.delete().where(named))
            deliveries.close_queue(tx, request.subscription)
        return Empty()

    def _change(self, name: str, wanted: Any, mask: FieldMask) -> Any:
        with self._engine.begin() as tx:
            subscription = _get(tx, name)
            mask.MergeMessage(wanted, subscription, replace_message_field=True, replace_repeated_field=True)
            _complete(subscription)
            _keep(tx, subscription)
        self._changed()
        return subscription


def _complete(subscription: Any) -> None:
    """Fill in the defaults; raises Failure for what the cloud refuses and for what is not served here."""
    for field in _NOT_SERVED:
        if field in {descriptor.name for descriptor, _ in subscription.ListFields()}:
            raise Failure(grpc.StatusCode.UNIMPLEMENTED, f"{field} is not served locally")
    if subscription.push_config.HasField("no_wrapper"):
        raise Failure(grpc.StatusCode.UNIMPLEMENTED, "push without wrapper is not served locally")
    subscription.ack_deadline_seconds = subscription.ack_deadline_seconds or 10
    if not 10 <= subscription.ack_deadline_seconds <= 600:
        raise Failure.invalid("ack_deadline_seconds must be 10 to 600")
    if not subscription.HasField("message_retention_duration"):
        subscription.message_retention_duration.seconds = _WEEK
    if not subscription.HasField("expiration_policy"):
        subscription.expiration_policy.ttl.seconds = _MONTH
    if subscription.push_config.push_endpoint and not re.match("https?://", subscription.push_config.push_endpoint):
        raise Failure.invalid("push_endpoint must be an HTTP URL")
    _complete_dead_letter_policy(subscription)
    _refuse_filter(subscription.filter)


def _complete_dead_letter_policy(subscription: Any) -> None:
    if subscription.HasField("dead_letter_policy"):
        policy = subscription.dead_letter_policy
        policy.max_delivery_attempts = policy.max_delivery_attempts or 5
        if not 5 <= policy.max_delivery_attempts <= 100:
            raise Failure.invalid("max_delivery_attempts must be 5 to 100")


def _refuse_filter(expression: str) -> None:
    if expression:
        raise Failure(grpc.StatusCode.UNIMPLEMENTED, "filters are not served here")


def _keep(tx: Connection, subscription: Any) -> None:
    """Write the subscription and its queue, and let what already waits in it follow the new ack deadline."""
    if subscription.HasField("dead_letter_policy"):
        _require_topic(tx, subscription.dead_letter_policy.dead_letter_topic)
    values = {
        "name": subscription.name,
        "topic": subscription.topic,
        "filter": subscription.filter,
        "ack_deadline_seconds": subscription.ack_deadline_seconds,
        "retention_seconds": subscription.message_retention_duration.seconds,
        "definition": subscription.SerializeToString(),
    }
    table, waiting = backlog.subscriptions, deliveries.deliveries
    if not tx.execute(table.update().where(table.c.name == subscription.name).values(values)).rowcount:
        tx.execute(table.insert().values(values))
    deliveries.open_queue(
        tx,
        subscription.name,
        pulled=not subscription.push_config.push_endpoint,
        max_concurrent=_PUSH_AT_ONCE,
        settings=pubsub_policy.settings(subscription),
    )
    in_queue = waiting.c.queue == subscription.name, waiting.c.state == "waiting"
    tx.execute(waiting.update().where(*in_queue).values(timeout_seconds=subscription.ack_deadline_seconds))


def _row(tx: Connection, name: str) -> Row[Any] | None:
    return tx.execute(backlog.subscriptions.select().where(backlog.subscriptions.c.name == name)).first()


def _get(tx: Connection, name: str) -> Any:
    row = _row(tx, name)
    if row is None:
        raise Failure.not_found(f"there is no subscription {name}")
    subscription = Subscription.FromString(row.definition)
    subscription.topic = row.topic
    return subscription


def _require_topic(tx: Connection, name: str) -> None:
    if not tx.execute(backlog.topics.select().where(backlog.topics.c.name == name)).first():
        raise Failure.not_found(f"there is no topic {name}")
