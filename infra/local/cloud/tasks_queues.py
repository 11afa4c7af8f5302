"""google.cloud.tasks.v2.CloudTasks, the part that keeps queues."""

import math
import re
from typing import Any

import grpc
from google.cloud.tasks_v2 import types
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import Column, Connection, Engine, LargeBinary, Table, Text, func

from infra.local.cloud import deliveries, tasks_policy
from infra.local.cloud.dispatcher import Dispatcher
from infra.local.cloud.failures import Failure, failing
from infra.local.cloud.pages import page
from infra.local.cloud.rpc import Method, add_service
from infra.local.cloud.store import metadata

Queue = types.Queue.pb()
ListQueuesResponse = types.ListQueuesResponse.pb()

_METHODS = {
    "CreateQueue": Method(types.CreateQueueRequest.pb(), Queue),
    "GetQueue": Method(types.GetQueueRequest.pb(), Queue),
    "ListQueues": Method(types.ListQueuesRequest.pb(), ListQueuesResponse),
    "UpdateQueue": Method(types.UpdateQueueRequest.pb(), Queue),
    "DeleteQueue": Method(types.DeleteQueueRequest.pb(), Empty),
    "PauseQueue": Method(types.PauseQueueRequest.pb(), Queue),
    "ResumeQueue": Method(types.ResumeQueueRequest.pb(), Queue),
    "PurgeQueue": Method(types.PurgeQueueRequest.pb(), Queue),
}

_NAME = re.compile(r"projects/[^/]+/locations/[^/]+/queues/[A-Za-z0-9-]{1,100}")
_MAX_AT_ONCE = 16  # whatever a queue allows, so that a slow receiver leaves slots for the other queues
_CHANGEABLE = ("rate_limits", "retry_config")

queues = Table(
    "tasks_queues",
    metadata,
    Column("name", Text, primary_key=True),
    Column("definition", LargeBinary, nullable=False),
)


def register(server: grpc.Server, engine: Engine, dispatcher: Dispatcher) -> None:
    """Serve the queues on `server`."""
    add_service(server, "google.cloud.tasks.v2.CloudTasks", _Queues(engine, dispatcher), _METHODS)


def require(tx: Connection, name: str) -> Any:
    """The raw Queue of that name. Raises Failure (NOT_FOUND)."""
    row = tx.execute(queues.select().where(queues.c.name == name)).first()
    if row is None:
        raise Failure.not_found(f"there is no queue {name}")
    return Queue.FromString(row.definition)


class _Queues:
    def __init__(self, engine: Engine, dispatcher: Dispatcher) -> None:
        self._engine = engine
        self._dispatcher = dispatcher

    @failing
    def CreateQueue(self, request: Any, context: grpc.ServicerContext) -> Any:
        queue = request.queue
        if not _NAME.fullmatch(queue.name) or not queue.name.startswith(f"{request.parent}/queues/"):
            raise Failure.invalid(f"{queue.name!r} is not the name of a queue in {request.parent}")
        with self._engine.begin() as tx:
            if tx.execute(queues.select().where(queues.c.name == queue.name)).first():
                raise Failure(grpc.StatusCode.ALREADY_EXISTS, f"queue {queue.name} is there already")
            return _keep(tx, queue)

    @failing
    def GetQueue(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self._engine.begin() as tx:
            return require(tx, request.name)

    @failing
    def ListQueues(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self._engine.begin() as tx:
            found, token = page(tx, queues, f"{request.parent}/queues", request.page_size, request.page_token)
        return ListQueuesResponse(queues=map(Queue.FromString, found), next_page_token=token)

    @failing
    def UpdateQueue(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Makes the queue if it is not there, as the cloud does."""
        wanted, mask = request.queue, request.update_mask
        if not _NAME.fullmatch(wanted.name):
            raise Failure.invalid(f"{wanted.name!r} is not the name of a queue")
        if not mask.paths:
            mask.paths.extend(_CHANGEABLE)
        if any(path.split(".")[0] not in _CHANGEABLE for path in mask.paths):
            raise Failure.invalid(f"only {' and '.join(_CHANGEABLE)} can be changed")
        with self._engine.begin() as tx:
            row = tx.execute(queues.select().where(queues.c.name == wanted.name)).first()
            queue = Queue.FromString(row.definition) if row else Queue(name=wanted.name)
            mask.MergeMessage(wanted, queue, replace_message_field=True, replace_repeated_field=True)
            _keep(tx, queue)
        self._dispatcher.queue_changed(queue.name)
        return queue

    @failing
    def DeleteQueue(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Delete a queue with all its tasks."""
        with self._engine.begin() as tx:
            require(tx, request.name)
            tx.execute(queues.delete().where(queues.c.name == request.name))
            deliveries.close_queue(tx, request.name)
        return Empty()

    @failing
    def PauseQueue(self, request: Any, context: grpc.ServicerContext) -> Any:
        return self._switch(request.name, Queue.PAUSED)

    @failing
    def ResumeQueue(self, request: Any, context: grpc.ServicerContext) -> Any:
        return self._switch(request.name, Queue.RUNNING)

    @failing
    def PurgeQueue(self, request: Any, context: grpc.ServicerContext) -> Any:
        """All its tasks are deleted; their names stay taken for an hour."""
        table = deliveries.deliveries
        with self._engine.begin() as tx:
            queue = require(tx, request.name)
            queue.purge_time.GetCurrentTime()
            waiting = table.c.queue == request.name, table.c.state == "waiting"
            tx.execute(table.update().where(*waiting).values(state="deleted", finished_at=func.now()))
            return _keep(tx, queue)

    def _switch(self, name: str, state: int) -> Any:
        with self._engine.begin() as tx:
            queue = require(tx, name)
            queue.state = state
            _keep(tx, queue)
        self._dispatcher.wake()
        return queue


def _keep(tx: Connection, queue: Any) -> Any:
    """Fill in the cloud's defaults and write the queue and its queue."""
    limits = queue.rate_limits
    limits.max_dispatches_per_second = limits.max_dispatches_per_second or 500
    limits.max_concurrent_dispatches = limits.max_concurrent_dispatches or 1000
    limits.max_burst_size = math.ceil(limits.max_dispatches_per_second)
    tasks_policy.complete(queue.retry_config)
    queue.state = queue.state or Queue.RUNNING
    values = {"name": queue.name, "definition": queue.SerializeToString()}
    if not tx.execute(queues.update().where(queues.c.name == queue.name).values(values)).rowcount:
        tx.execute(queues.insert().values(values))
    deliveries.open_queue(
        tx,
        queue.name,
        paused=queue.state == Queue.PAUSED,
        max_concurrent=min(limits.max_concurrent_dispatches, _MAX_AT_ONCE),
        max_per_second=limits.max_dispatches_per_second,
        max_burst=limits.max_burst_size,
        settings=tasks_policy.settings(queue.retry_config),
    )
    return queue
