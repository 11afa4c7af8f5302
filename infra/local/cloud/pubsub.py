"""Pub/Sub: the Publisher and Subscriber services of google.pubsub.v1, as far as they are served here."""

import grpc
from sqlalchemy import Engine

from infra.local.cloud import policies, pubsub_backlog, pubsub_pulling, pubsub_subscriptions, pubsub_topics
from infra.local.cloud.dispatcher import Dispatcher
from infra.local.cloud.pubsub_policy import PubsubPolicy
from infra.local.cloud.wake_condition import WakeCondition


def register(server: grpc.Server, engine: Engine, dispatcher: Dispatcher) -> None:
    """Serve both services on `server`; `dispatcher` makes the pushes."""
    arrivals = WakeCondition()

    def arrived() -> None:
        dispatcher.wake()
        arrivals.notify_all()

    policies.register(pubsub_backlog.POLICY, PubsubPolicy())
    pubsub_topics.register(server, engine, arrived)
    pubsub_subscriptions.register(server, engine, arrived)
    pubsub_pulling.register(server, engine, arrivals, arrived)
