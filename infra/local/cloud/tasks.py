"""Cloud Tasks: google.cloud.tasks.v2.CloudTasks for HTTP tasks, durable in the store.

Differences from the cloud: a finished task keeps its name taken for one hour, dispatch is not slowed down by
itself when the receiver fails, redirects are not followed, and a deleted queue's name is free at once.
"""

import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.cloud.tasks_v2 import types
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import Connection, Engine, Row, func

from infra.local.cloud import deliveries, policies, tasks_policy, tasks_queues
from infra.local.cloud.dispatcher import Dispatcher
from infra.local.cloud.failures import Failure, failing
from infra.local.cloud.policies import Caller
from infra.local.cloud.rpc import Method, add_service

Task = types.Task.pb()
HttpMethod = types.HttpMethod
ListTasksResponse = types.ListTasksResponse.pb()

_METHODS = {
    "CreateTask": Method(types.CreateTaskRequest.pb(), Task),
    "GetTask": Method(types.GetTaskRequest.pb(), Task),
    "ListTasks": Method(types.ListTasksRequest.pb(), ListTasksResponse),
    "DeleteTask": Method(types.DeleteTaskRequest.pb(), Empty),
    "RunTask": Method(types.RunTaskRequest.pb(), Task),
}

_ID = re.compile(r"[A-Za-z0-9_-]{1,500}")
_LARGEST_TASK = 1 << 20  # bytes
_MAX_URL = 2083
_FURTHEST = timedelta(days=30)
_DEFAULT_DEADLINE_SECONDS, _DEADLINE_SECONDS = 600, (15, 1800)
_LARGEST_PAGE = 1000
_WITH_BODY = ("POST", "PUT", "PATCH")


def register(server: grpc.Server, engine: Engine, dispatcher: Dispatcher) -> None:
    """Serve queues and tasks on `server`; `dispatcher` makes the requests."""
    policies.register(tasks_policy.NAME, tasks_policy.TasksPolicy())
    tasks_queues.register(server, engine, dispatcher)
    add_service(server, "google.cloud.tasks.v2.CloudTasks", _Tasks(engine, dispatcher), _METHODS)


class _Tasks:
    def __init__(self, engine: Engine, dispatcher: Dispatcher) -> None:
        self._engine = engine
        self._dispatcher = dispatcher

    @failing
    def CreateTask(self, request: Any, context: grpc.ServicerContext) -> Any:
        task = request.task
        _complete(task, request.parent)
        try:
            _enqueue(self._engine, request.parent, task)
        except deliveries.UnknownQueue:
            raise Failure.not_found(f"there is no queue {request.parent}") from None
        except deliveries.DuplicateName:
            taken = f"{task.name} is there, or was less than an hour ago"
            raise Failure(grpc.StatusCode.ALREADY_EXISTS, taken) from None
        self._dispatcher.wake()
        return _viewed(task, request.response_view)

    @failing
    def GetTask(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self._engine.begin() as tx:
            return _viewed(_task(_require(tx, request.name)), request.response_view)

    @failing
    def ListTasks(self, request: Any, context: grpc.ServicerContext) -> Any:
        """List queues by name."""
        table = deliveries.deliveries
        size = min(request.page_size or _LARGEST_PAGE, _LARGEST_PAGE)
        waiting = table.c.queue == request.parent, table.c.state == "waiting", table.c.name > request.page_token
        with self._engine.begin() as tx:
            tasks_queues.require(tx, request.parent)
            rows = tx.execute(table.select().where(*waiting).order_by(table.c.name).limit(size + 1)).all()
        return ListTasksResponse(
            tasks=[_viewed(_task(row), request.response_view) for row in rows[:size]],
            next_page_token=rows[size - 1].name if len(rows) > size else "",
        )

    @failing
    def DeleteTask(self, request: Any, context: grpc.ServicerContext) -> Any:
        table = deliveries.deliveries
        with self._engine.begin() as tx:
            row = _require(tx, request.name)
            deleted = table.update().where(table.c.id == row.id, table.c.state == "waiting")
            tx.execute(deleted.values(state="deleted", finished_at=func.now()))
        return Empty()

    @failing
    def RunTask(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Run a task at once, even when the queue is paused, its rate is used up or the task is not due."""
        with self._engine.begin() as tx:
            row = _require(tx, request.name)
        self._dispatcher.send_now(row.id)
        return _viewed(_task(row), request.response_view)


def _complete(task: Any, queue: str) -> None:
    """Fill in name and times; raises Failure for what the cloud refuses and for what is not served here."""
    prefix = f"{queue}/tasks/"
    task.name = task.name or f"{prefix}{secrets.randbits(63)}"
    if not (task.name.startswith(prefix) and _ID.fullmatch(task.name.removeprefix(prefix))):
        raise Failure.invalid(f"{task.name!r} is not the name of a task in {queue}")
    if task.ByteSize() > _LARGEST_TASK:
        raise Failure.invalid(f"a task has at most {_LARGEST_TASK} bytes")
    _check_request(task)
    now = datetime.now(UTC)
    if task.schedule_time.ToDatetime(UTC) > now + _FURTHEST:
        raise Failure.invalid("a task can be scheduled at most 30 days ahead")
    task.create_time.FromDatetime(now)
    task.schedule_time.FromDatetime(max(now, task.schedule_time.ToDatetime(UTC)))
    deadline = task.dispatch_deadline.seconds or _DEFAULT_DEADLINE_SECONDS
    if not _DEADLINE_SECONDS[0] <= deadline <= _DEADLINE_SECONDS[1]:
        raise Failure.invalid("dispatch_deadline must be 15 seconds to 30 minutes")
    task.dispatch_deadline.seconds = deadline
    if task.HasField("retry_config"):
        tasks_policy.complete(task.retry_config)


def _check_request(task: Any) -> None:
    request = task.http_request
    if not task.HasField("http_request") or request.HasField("oauth_token"):
        raise Failure(grpc.StatusCode.UNIMPLEMENTED, "only HTTP tasks, with an OIDC token or none, are served locally")
    if not re.match("https?://", request.url) or len(request.url) > _MAX_URL:
        raise Failure.invalid(f"{request.url!r} is not an HTTP URL of at most {_MAX_URL} characters")
    if request.body and _method(request) not in _WITH_BODY:
        raise Failure.invalid(f"a {_method(request)} request has no body")


def _method(request: Any) -> str:
    return HttpMethod(request.http_method).name if request.http_method else "POST"


def _enqueue(engine: Engine, queue: str, task: Any) -> None:
    request = task.http_request
    email, audience = request.oidc_token.service_account_email, request.oidc_token.audience or request.url
    deliveries.enqueue(
        engine,
        queue=queue,
        policy=tasks_policy.NAME,
        name=task.name,
        url=request.url,
        method=_method(request),
        headers=request.headers,
        body=request.body or None,
        due_at=task.schedule_time.ToDatetime(UTC),
        timeout_seconds=task.dispatch_deadline.seconds,
        caller=Caller(email, audience) if email else None,
        options={"retry": tasks_policy.settings(task.retry_config)} if task.HasField("retry_config") else {},
    )


def _require(tx: Connection, name: str) -> Row[Any]:
    table = deliveries.deliveries
    of_queue = table.c.queue == name.rpartition("/tasks/")[0]
    row = tx.execute(table.select().where(of_queue, table.c.name == name, table.c.state == "waiting")).first()
    if row is None:
        raise Failure.not_found(f"there is no task {name}")
    return row


def _task(row: Row[Any]) -> Any:
    """The raw Task that a row of the deliveries stands for."""
    task = Task(name=row.name, dispatch_count=row.attempt, response_count=row.responses)
    task.schedule_time.FromDatetime(row.due_at)
    task.create_time.FromDatetime(row.created_at)
    task.dispatch_deadline.seconds = int(row.timeout_seconds)
    request = task.http_request
    request.url, request.http_method, request.body = row.url, HttpMethod.__members__[row.method], row.body or b""
    request.headers.update(row.headers)
    if row.identity:
        request.oidc_token.service_account_email = row.identity["email"]
        request.oidc_token.audience = row.identity["audience"]
    if row.first_attempt_at:
        task.first_attempt.dispatch_time.FromDatetime(row.first_attempt_at)
        _describe_attempt(task.last_attempt, row)
    return task


def _describe_attempt(attempt: Any, row: Row[Any]) -> None:
    attempt.dispatch_time.FromDatetime(row.last_attempt_at)
    if row.last_response_at and row.last_response_at >= row.last_attempt_at:
        attempt.response_time.FromDatetime(row.last_response_at)
        attempt.response_status.code = grpc.StatusCode.UNKNOWN.value[0]
        attempt.response_status.message = f"HTTP status code {row.last_status}"


def _viewed(task: Any, view: int) -> Any:
    """BASIC, the default, leaves out the body."""
    if view == Task.FULL:
        task.view = Task.FULL
    else:
        task.view = Task.BASIC
        task.http_request.ClearField("body")
    return task
