"""google.pubsub.v1.Subscriber, the part that hands messages to those who pull."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.pubsub_v1 import types
from sqlalchemy import Connection, Engine, select

from infra.local.cloud import deliveries
from infra.local.cloud import pubsub_backlog as backlog
from infra.local.cloud.failures import Failure, failing
from infra.local.cloud.rpc import Method, add_service
from infra.local.cloud.wake_condition import WakeCondition

PullResponse = types.PullResponse.pb()
StreamingPullResponse = types.StreamingPullResponse.pb()

_METHODS = {
    "Pull": Method(types.PullRequest.pb(), PullResponse),
    "StreamingPull": Method(types.StreamingPullRequest.pb(), StreamingPullResponse, streams_in=True, streams_out=True),
    "Acknowledge": Method(types.AcknowledgeRequest.pb(), Empty),
    "ModifyAckDeadline": Method(types.ModifyAckDeadlineRequest.pb(), Empty),
}

_POLL_SECONDS = 0.2  # messages also become due by a lapsed lease or a back-off, which notify nobody
_MAX_PULL_SECONDS = 20.0
_MAX_AT_ONCE = 100  # messages in one answer of a stream


def register(server: grpc.Server, engine: Engine, arrivals: WakeCondition, released: Callable[[], None]) -> None:
    """Serve pulls on `server`.

    `arrivals` is notified when something was published; `released` is called when a message was given back.
    """
    add_service(server, "google.pubsub.v1.Subscriber", _Pulling(engine, arrivals, released), _METHODS)


class _Pulling:
    def __init__(self, engine: Engine, arrivals: WakeCondition, released: Callable[[], None]) -> None:
        self._engine = engine
        self._arrivals = arrivals
        self._released = released

    @failing
    def Pull(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Waits for a first message for a while, at most until shortly before the caller gives up."""
        if request.max_messages <= 0:
            raise Failure.invalid("max_messages must be positive")
        patience = min(_MAX_PULL_SECONDS, (context.time_remaining() or _MAX_PULL_SECONDS) - 0.5)
        deadline = time.monotonic() + (0 if request.return_immediately else patience)
        while True:
            notifications = self._arrivals.notifications
            received = self._take(request.subscription, request.max_messages)
            if received or time.monotonic() >= deadline or not context.is_active():
                return PullResponse(received_messages=received)
            self._arrivals.wait(notifications, _POLL_SECONDS)

    @failing
    def StreamingPull(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        """The stream's flow control is the connection's: a client that reads no more is sent no more."""
        first = next(requests)
        subscription, deadline = first.subscription, first.stream_ack_deadline_seconds
        client = _Listening(lambda request: self._obey(subscription, request), requests)
        while context.is_active() and client.listens():
            notifications = self._arrivals.notifications
            received = self._take(subscription, _MAX_AT_ONCE, deadline)
            if received:
                yield StreamingPullResponse(received_messages=received)
            else:
                self._arrivals.wait(notifications, _POLL_SECONDS)

    @failing
    def Acknowledge(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._acknowledge(request.subscription, request.ack_ids)
        return Empty()

    @failing
    def ModifyAckDeadline(self, request: Any, context: grpc.ServicerContext) -> Any:
        if not 0 <= request.ack_deadline_seconds <= 600:
            raise Failure.invalid("ack_deadline_seconds must be 0 to 600")
        self._extend(request.subscription, request.ack_ids, request.ack_deadline_seconds)
        return Empty()

    def _obey(self, subscription: str, request: Any) -> None:
        """Do what a client asks on its stream."""
        ack_ids, deadlines = request.modify_deadline_ack_ids, request.modify_deadline_seconds
        if len(ack_ids) != len(deadlines):
            raise Failure.invalid("there must be a deadline for each acknowledgement id")
        self._acknowledge(subscription, request.ack_ids)
        for ack_id, seconds in zip(ack_ids, deadlines, strict=True):
            self._extend(subscription, [ack_id], seconds)

    def _take(self, subscription: str, max_messages: int, ack_deadline_seconds: int = 0) -> list[Any]:
        with self._engine.begin() as tx:
            own_deadline = _own_deadline(tx, subscription)
            return backlog.pull(tx, subscription, max_messages, ack_deadline_seconds or own_deadline)

    def _acknowledge(self, subscription: str, ack_ids: Any) -> None:
        if not ack_ids:
            return
        try:
            with self._engine.begin() as tx:
                backlog.acknowledge(tx, subscription, ack_ids)
        except backlog.BadAckId as fault:
            raise Failure.invalid(str(fault)) from None

    def _extend(self, subscription: str, ack_ids: Any, seconds: int) -> None:
        try:
            with self._engine.begin() as tx:
                backlog.extend(tx, subscription, ack_ids, seconds)
        except backlog.BadAckId as fault:
            raise Failure.invalid(str(fault)) from None
        if seconds == 0:
            self._released()


class _Listening:
    """Passes what a client sends on its stream to `obey`, in a thread of its own."""

    def __init__(self, obey: Callable[[Any], None], requests: Iterator[Any]) -> None:
        self._obey = obey
        self._requests = requests
        self._failure: Failure | None = None
        self._thread = threading.Thread(target=self._run, name="streaming-pull", daemon=True)
        self._thread.start()

    def listens(self) -> bool:
        """True if the client may still send something. Raises the Failure of a request that was wrong."""
        if self._failure:
            raise self._failure
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            for request in self._requests:
                self._obey(request)
        except Failure as failure:
            self._failure = failure
        except grpc.RpcError:
            return  # the client has gone


def _own_deadline(tx: Connection, subscription: str) -> int:
    """The subscription's ack deadline in seconds; raises Failure if there is none to pull from."""
    subscriptions, queues = backlog.subscriptions, deliveries.queues
    query = (
        select(subscriptions.c.ack_deadline_seconds, queues.c.pulled)
        .join(queues, queues.c.name == subscriptions.c.name)
        .where(subscriptions.c.name == subscription)
    )
    row = tx.execute(query).first()
    if row is None:
        raise Failure.not_found(f"there is no subscription {subscription}")
    if not row.pulled:
        raise Failure(grpc.StatusCode.FAILED_PRECONDITION, f"{subscription} is pushed, not pulled")
    return int(row.ack_deadline_seconds)
