"""google.pubsub.v1.Publisher: topics, and publishing to them."""

import re
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.pubsub_v1 import types
from sqlalchemy import Connection, Engine, select

from infra.local.cloud import pubsub_backlog as backlog
from infra.local.cloud.failures import Failure, failing
from infra.local.cloud.pages import page
from infra.local.cloud.rpc import Method, add_service

Topic = types.Topic.pb()
PublishResponse = types.PublishResponse.pb()
ListTopicsResponse = types.ListTopicsResponse.pb()
ListTopicSubscriptionsResponse = types.ListTopicSubscriptionsResponse.pb()

_METHODS = {
    "CreateTopic": Method(Topic, Topic),
    "UpdateTopic": Method(types.UpdateTopicRequest.pb(), Topic),
    "GetTopic": Method(types.GetTopicRequest.pb(), Topic),
    "ListTopics": Method(types.ListTopicsRequest.pb(), ListTopicsResponse),
    "ListTopicSubscriptions": Method(types.ListTopicSubscriptionsRequest.pb(), ListTopicSubscriptionsResponse),
    "DeleteTopic": Method(types.DeleteTopicRequest.pb(), Empty),
    "Publish": Method(types.PublishRequest.pb(), PublishResponse),
}

_NAME = re.compile(r"projects/[^/]+/topics/(?!goog)[A-Za-z][A-Za-z0-9_.~+%-]{2,254}")
_MAX_MESSAGES = 1000
_CHANGEABLE = {"labels", "message_retention_duration"}


def register(server: grpc.Server, engine: Engine, arrived: Callable[[], None]) -> None:
    """Serve the topics on `server`; `arrived` is called when a publish has been committed."""
    add_service(server, "google.pubsub.v1.Publisher", _Publisher(engine, arrived), _METHODS)


class _Publisher:
    def __init__(self, engine: Engine, arrived: Callable[[], None]) -> None:
        self._engine = engine
        self._arrived = arrived

    @failing
    def CreateTopic(self, topic: Any, context: grpc.ServicerContext) -> Any:
        if not _NAME.fullmatch(topic.name):
            raise Failure.invalid(f"{topic.name!r} is not the name of a topic")
        with self._engine.begin() as tx:
            if _find(tx, topic.name) is not None:
                raise Failure(grpc.StatusCode.ALREADY_EXISTS, f"topic {topic.name} is there already")
            tx.execute(backlog.topics.insert().values(name=topic.name, definition=topic.SerializeToString()))
        return topic

    @failing
    def UpdateTopic(self, request: Any, context: grpc.ServicerContext) -> Any:
        paths = set(request.update_mask.paths)
        if not paths or paths - _CHANGEABLE:
            raise Failure.invalid(f"cannot change {sorted(paths - _CHANGEABLE)}")
        with self._engine.begin() as tx:
            topic = _get(tx, request.topic.name)
            request.update_mask.MergeMessage(
                request.topic, topic, replace_message_field=True, replace_repeated_field=True
            )
            named = backlog.topics.c.name == topic.name
            tx.execute(backlog.topics.update().where(named).values(definition=topic.SerializeToString()))
        return topic

    @failing
    def GetTopic(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self._engine.begin() as tx:
            return _get(tx, request.topic)

    @failing
    def ListTopics(self, request: Any, context: grpc.ServicerContext) -> Any:
        parent = f"{request.project}/topics"
        with self._engine.begin() as tx:
            found, token = page(tx, backlog.topics, parent, request.page_size, request.page_token)
        return ListTopicsResponse(topics=map(Topic.FromString, found), next_page_token=token)

    @failing
    def ListTopicSubscriptions(self, request: Any, context: grpc.ServicerContext) -> Any:
        attached = select(backlog.subscriptions.c.name).where(backlog.subscriptions.c.topic == request.topic)
        with self._engine.begin() as tx:
            _get(tx, request.topic)
            names = tx.execute(attached.order_by("name")).scalars().all()
        return ListTopicSubscriptionsResponse(subscriptions=names)

    @failing
    def DeleteTopic(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Its subscriptions stay, with what they hold, and show the topic as deleted."""
        subscriptions = backlog.subscriptions
        with self._engine.begin() as tx:
            _get(tx, request.topic)
            tx.execute(backlog.topics.delete().where(backlog.topics.c.name == request.topic))
            orphans = subscriptions.update().where(subscriptions.c.topic == request.topic)
            tx.execute(orphans.values(topic=backlog.DELETED_TOPIC))
        return Empty()

    @failing
    def Publish(self, request: Any, context: grpc.ServicerContext) -> Any:
        if not 0 < len(request.messages) <= _MAX_MESSAGES:
            raise Failure.invalid(f"publish 1 to {_MAX_MESSAGES} messages at a time")
        if not all(message.data or message.attributes for message in request.messages):
            raise Failure.invalid("a message needs data or an attribute")
        try:
            with self._engine.begin() as tx:
                ids = backlog.publish(tx, request.topic, request.messages)
        except backlog.UnknownTopic:
            raise _missing(request.topic) from None
        self._arrived()
        return PublishResponse(message_ids=ids)


def _find(tx: Connection, name: str) -> Any | None:
    row = tx.execute(backlog.topics.select().where(backlog.topics.c.name == name)).first()
    return Topic.FromString(row.definition) if row else None


def _get(tx: Connection, name: str) -> Any:
    topic = _find(tx, name)
    if topic is None:
        raise _missing(name)
    return topic


def _missing(name: str) -> Failure:
    return Failure.not_found(f"there is no topic {name}")
