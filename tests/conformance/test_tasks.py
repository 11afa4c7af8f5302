"""Cloud Tasks as the product uses it, against our local server: Google has no emulator of it.

Known differences from the cloud, none of which the product may lean on:
- A finished or deleted task keeps its name taken for one hour; the cloud says up to 24 hours.
- Dispatch is exact to some milliseconds; the cloud may be late by minutes, and slows down by itself when the
  receiver answers 429 or 503 or a queue was idle.
- A queue dispatches at most 16 tasks at a time here, whatever max_concurrent_dispatches says.
- A deleted queue's name is free at once; in the cloud it is blocked for days.
- Redirects are not followed. App Engine tasks and OAuth tokens are refused (UNIMPLEMENTED).
- A task that is dropped after its last attempt stays visible in /state.json; the cloud forgets it.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
import sqlalchemy
from google.api_core.exceptions import AlreadyExists, InvalidArgument, MethodNotImplemented, NotFound
from google.auth.exceptions import InvalidValue
from google.auth.transport.requests import Request
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.oauth2 import id_token
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from tests.conformance.local_cloud import LocalCloud
from tests.conformance.receiver import Receiver, StubResponse
from tests.conformance.timing import assert_apart
from tests.waiting import until


@dataclass
class Tasks:
    """Google's client, in a location of the test's own."""

    client: tasks_v2.CloudTasksClient
    parent: str

    def queue(self, name: str = "queue", **settings: Any) -> str:
        """Make a queue; `settings` are fields of its rate_limits and retry_config."""
        limits = {key: value for key, value in settings.items() if key.startswith("max_") and "dispatches" in key}
        retry = {key: value for key, value in settings.items() if key not in limits}
        path = f"{self.parent}/queues/{name}"
        queue = tasks_v2.Queue(name=path, rate_limits=limits, retry_config=retry)
        self.client.create_queue(parent=self.parent, queue=queue)
        return path

    def create(self, queue: str, url: str, *, name: str = "", at: datetime | None = None, **http: Any) -> tasks_v2.Task:
        """Create a task."""
        request = tasks_v2.HttpRequest(url=url, **http)
        path = f"{queue}/tasks/{name}" if name else ""
        task = tasks_v2.Task(name=path, http_request=request, schedule_time=at)
        return self.client.create_task(parent=queue, task=task)

    def waiting(self, queue: str) -> list[str]:
        """The names of the tasks in the queue."""
        return [task.name for task in self.client.list_tasks(parent=queue)]


@pytest.fixture
def tasks(local_cloud: LocalCloud) -> Iterator[Tasks]:
    with grpc.insecure_channel(local_cloud.grpc_address) as channel:
        client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
        yield Tasks(client, f"projects/test-{uuid.uuid4().hex[:12]}/locations/asia-southeast2")


def in_seconds(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def milliseconds(count: int) -> Duration:
    return Duration(nanos=count * 1_000_000)


# Queues


def test_a_queue_is_made_found_listed_and_deleted(tasks: Tasks) -> None:
    names = sorted(tasks.queue(name) for name in ("expiry", "mail", "payout"))

    queue = tasks.client.get_queue(name=names[0])
    assert queue.state == tasks_v2.Queue.State.RUNNING
    assert (queue.rate_limits.max_dispatches_per_second, queue.retry_config.max_attempts) == (500, 100)
    assert [each.name for each in tasks.client.list_queues(request={"parent": tasks.parent, "page_size": 2})] == names
    with pytest.raises(AlreadyExists):
        tasks.queue("mail")

    tasks.client.delete_queue(name=names[0])
    with pytest.raises(NotFound):
        tasks.client.get_queue(name=names[0])


def test_a_queue_is_changed_where_the_mask_says(tasks: Tasks) -> None:
    queue = tasks.queue(max_attempts=3, max_concurrent_dispatches=2)

    retry, limits = {"max_attempts": 7}, {"max_concurrent_dispatches": 9}
    wanted = tasks_v2.Queue(name=queue, retry_config=retry, rate_limits=limits)
    changed = tasks.client.update_queue(queue=wanted, update_mask=FieldMask(paths=["retry_config.max_attempts"]))

    assert changed == tasks.client.get_queue(name=queue)
    assert (changed.retry_config.max_attempts, changed.rate_limits.max_concurrent_dispatches) == (7, 2)


def test_an_unknown_queue_is_not_found(tasks: Tasks, receiver: Receiver) -> None:
    with pytest.raises(NotFound):
        tasks.create(f"{tasks.parent}/queues/missing", receiver.url("/task"))


# Dispatch


def test_a_task_is_sent_as_it_was_created(tasks: Tasks, receiver: Receiver) -> None:
    queue = tasks.queue()
    headers = {"Content-Type": "application/json", "X-Order": "KRC-1", "X-Google-Own": "dropped"}

    task = tasks.create(queue, receiver.url("/task?attempt=1"), name="expire-1", body=b"{}", headers=headers)

    [request] = receiver.wait_for("/task", 1)
    assert (request.method, request.body) == ("POST", b"{}")
    assert request.headers["Content-Type"] == "application/json"
    assert (request.headers["X-Order"], request.headers["User-Agent"]) == ("KRC-1", "Google-Cloud-Tasks")
    assert "X-Google-Own" not in request.headers
    assert request.headers["X-Cloudtasks-Queuename"] == "queue"
    assert request.headers["X-Cloudtasks-Taskname"] == "expire-1"
    assert request.headers["X-Cloudtasks-Taskretrycount"] == "0"
    assert float(request.headers["X-Cloudtasks-Tasketa"]) == pytest.approx(task.schedule_time.timestamp(), abs=0.01)
    until(lambda: tasks.waiting(queue) == [])


def test_a_task_has_the_method_it_asks_for(tasks: Tasks, receiver: Receiver) -> None:
    queue = tasks.queue()

    tasks.create(queue, receiver.url("/put"), http_method=tasks_v2.HttpMethod.PUT, body=b"text")
    tasks.create(queue, receiver.url("/get"), http_method=tasks_v2.HttpMethod.GET)

    assert receiver.wait_for("/put", 1)[0].method == "PUT"
    assert receiver.wait_for("/get", 1)[0].method == "GET"
    with pytest.raises(InvalidArgument):
        tasks.create(queue, receiver.url("/get"), http_method=tasks_v2.HttpMethod.GET, body=b"text")


def test_a_task_is_sent_at_its_time(tasks: Tasks, receiver: Receiver) -> None:
    queue = tasks.queue()
    start = in_seconds(0.5)
    moments = [start + timedelta(milliseconds=150 * number) for number in range(6)]
    for number, moment in reversed(list(enumerate(moments))):
        tasks.create(queue, receiver.url(f"/task-{number}"), at=moment)

    late = [
        (receiver.wait_for(f"/task-{number}", 1)[0].time - moment).total_seconds()
        for number, moment in enumerate(moments)
    ]

    assert 0 <= min(late) < 0.2


def test_a_redirect_is_not_followed(tasks: Tasks, receiver: Receiver) -> None:
    receiver.answer("/task", StubResponse(302, {"Location": receiver.url("/elsewhere")}), 204)
    queue = tasks.queue(min_backoff=milliseconds(50))

    tasks.create(queue, receiver.url("/task"))

    receiver.wait_for("/task", 2)
    assert receiver.received("/elsewhere") == []


def test_what_cannot_be_sent_is_refused(tasks: Tasks, receiver: Receiver) -> None:
    queue = tasks.queue()
    with pytest.raises(InvalidArgument, match="HTTP URL"):
        tasks.create(queue, "ftp://example.org")
    with pytest.raises(InvalidArgument, match="name"):
        tasks.create(queue, receiver.url("/task"), name="not a name")
    with pytest.raises(InvalidArgument, match="30 days"):
        tasks.create(queue, receiver.url("/task"), at=in_seconds(31 * 86_400))
    with pytest.raises(MethodNotImplemented):
        tasks.create(queue, receiver.url("/task"), oauth_token={"service_account_email": "a@example.org"})
    brief = tasks_v2.Task(http_request={"url": receiver.url("/task")}, dispatch_deadline=Duration(seconds=5))
    with pytest.raises(InvalidArgument, match="15 seconds"):
        tasks.client.create_task(parent=queue, task=brief)


def test_a_task_proves_who_sends_it(tasks: Tasks, local_cloud: LocalCloud, receiver: Receiver) -> None:
    sender = {"service_account_email": "tasks@test.iam.gserviceaccount.com", "audience": "https://expire"}

    tasks.create(tasks.queue(), receiver.url("/task"), oidc_token=sender)

    [request] = receiver.wait_for("/task", 1)
    token = request.headers["Authorization"].removeprefix("Bearer ")
    certificates = f"{local_cloud.http_url}/oidc/certs"
    claims = id_token.verify_token(token, Request(), audience="https://expire", certs_url=certificates)
    assert claims["email"] == "tasks@test.iam.gserviceaccount.com"
    with pytest.raises(InvalidValue):
        id_token.verify_token(token, Request(), audience="https://payout", certs_url=certificates)


# Names


def test_a_named_task_is_taken_once(tasks: Tasks, receiver: Receiver) -> None:
    queue = tasks.queue()
    tasks.create(queue, receiver.url("/task"), name="expire-1", at=in_seconds(0.3))

    with pytest.raises(AlreadyExists):
        tasks.create(queue, receiver.url("/task"), name="expire-1")
    receiver.wait_for("/task", 1)
    until(lambda: tasks.waiting(queue) == [])
    with pytest.raises(AlreadyExists):
        tasks.create(queue, receiver.url("/task"), name="expire-1")

    assert len(receiver.received("/task")) == 1


def test_the_name_of_a_deleted_task_stays_taken(tasks: Tasks, receiver: Receiver) -> None:
    queue = tasks.queue()
    task = tasks.create(queue, receiver.url("/task"), name="expire-1", at=in_seconds(60))

    tasks.client.delete_task(name=task.name)

    with pytest.raises(AlreadyExists):
        tasks.create(queue, receiver.url("/task"), name="expire-1")
    with pytest.raises(NotFound):
        tasks.client.delete_task(name=task.name)


def test_a_name_is_free_again_after_an_hour(tasks: Tasks, local_cloud: LocalCloud, receiver: Receiver) -> None:
    queue = tasks.queue()
    task = tasks.create(queue, receiver.url("/task"), name="expire-1")
    receiver.wait_for("/task", 1)
    until(lambda: tasks.waiting(queue) == [])

    store = sqlalchemy.create_engine(local_cloud.database_url)
    an_hour_ago = sqlalchemy.text(
        "UPDATE queued_deliveries SET finished_at = now() - interval '1 hour' WHERE name = :name"
    )
    with store.begin() as tx:
        tx.execute(an_hour_ago, {"name": task.name})
    store.dispose()

    tasks.create(queue, receiver.url("/task"), name="expire-1")
    receiver.wait_for("/task", 2)


# Retries


def test_a_failed_task_waits_longer_each_time(tasks: Tasks, receiver: Receiver) -> None:
    receiver.answer("/task", 503, 500, 503, 503, 204)
    queue = tasks.queue(min_backoff=milliseconds(100), max_backoff=milliseconds(500), max_doublings=2)

    tasks.create(queue, receiver.url("/task"))

    requests = receiver.wait_for("/task", 5)
    assert_apart(requests, 0.1, 0.2, 0.4, 0.5)
    assert [request.headers["X-Cloudtasks-Taskretrycount"] for request in requests] == ["0", "1", "2", "3", "4"]
    assert requests[2].headers["X-Cloudtasks-Taskpreviousresponse"] == "500"


def test_a_longer_retry_after_is_obeyed(tasks: Tasks, receiver: Receiver) -> None:
    receiver.answer("/task", StubResponse(429, {"Retry-After": "1"}), 204)
    queue = tasks.queue(min_backoff=milliseconds(50))

    tasks.create(queue, receiver.url("/task"))

    assert_apart(receiver.wait_for("/task", 2), 1.0)


def test_a_task_is_dropped_after_its_last_attempt(tasks: Tasks, local_cloud: LocalCloud, receiver: Receiver) -> None:
    receiver.answer("/task", 500)
    queue = tasks.queue(max_attempts=3, min_backoff=milliseconds(50))

    task = tasks.create(queue, receiver.url("/task"))

    receiver.wait_for("/task", 3)
    until(lambda: tasks.waiting(queue) == [])
    with pytest.raises(NotFound):
        tasks.client.get_task(name=task.name)
    [letter] = [each for each in local_cloud.state()["dead_letters"] if each["name"] == task.name]
    assert (letter["queue"], letter["attempt"], letter["last_status"]) == (queue, 3, 500)
    assert len(receiver.received("/task")) == 3


def test_a_task_may_have_a_retry_policy_of_its_own(tasks: Tasks, receiver: Receiver) -> None:
    receiver.answer("/task", 500)
    queue = tasks.queue(max_attempts=5, min_backoff=milliseconds(50))
    once = tasks_v2.Task(http_request={"url": receiver.url("/task")}, retry_config={"max_attempts": 1})

    tasks.client.create_task(parent=queue, task=once)

    receiver.wait_for("/task", 1)
    until(lambda: tasks.waiting(queue) == [])


# Looking at tasks, and steering queues


def test_a_task_is_shown_without_its_body_unless_asked(tasks: Tasks, receiver: Receiver) -> None:
    queue = tasks.queue()
    created = tasks.create(queue, receiver.url("/task"), at=in_seconds(60), body=b"private")

    basic = tasks.client.get_task(name=created.name)
    full = tasks.client.get_task(request={"name": created.name, "response_view": tasks_v2.Task.View.FULL})

    assert (created.http_request.body, basic.http_request.body, full.http_request.body) == (b"", b"", b"private")
    assert full.http_request.url == receiver.url("/task")
    assert abs((full.schedule_time - created.schedule_time).total_seconds()) < 0.001
    assert (full.dispatch_count, full.dispatch_deadline.total_seconds()) == (0, 600)


def test_tasks_are_listed_page_by_page(tasks: Tasks, receiver: Receiver) -> None:
    queue = tasks.queue()
    names = sorted(tasks.create(queue, receiver.url("/task"), at=in_seconds(60)).name for _ in range(5))

    assert [task.name for task in tasks.client.list_tasks(request={"parent": queue, "page_size": 2})] == names


def test_a_paused_queue_keeps_its_tasks_until_it_is_resumed(tasks: Tasks, receiver: Receiver) -> None:
    queue = tasks.queue()
    tasks.client.pause_queue(name=queue)
    tasks.create(queue, receiver.url("/held"))
    forced = tasks.create(queue, receiver.url("/forced"))

    tasks.client.run_task(name=forced.name)
    receiver.wait_for("/forced", 1)
    assert receiver.received("/held") == []

    tasks.client.resume_queue(name=queue)
    receiver.wait_for("/held", 1)


def test_a_task_runs_before_its_time_when_told(tasks: Tasks, receiver: Receiver) -> None:
    queue = tasks.queue()
    task = tasks.create(queue, receiver.url("/task"), at=in_seconds(3600))

    tasks.client.run_task(name=task.name)

    receiver.wait_for("/task", 1)
    until(lambda: tasks.waiting(queue) == [])


def test_a_purged_queue_is_empty(tasks: Tasks, receiver: Receiver) -> None:
    queue = tasks.queue()
    tasks.create(queue, receiver.url("/task"), name="expire-1", at=in_seconds(0.5))

    tasks.client.purge_queue(name=queue)

    assert tasks.waiting(queue) == []
    with pytest.raises(AlreadyExists):
        tasks.create(queue, receiver.url("/task"), name="expire-1")


def test_a_queue_sends_no_faster_than_its_rate(tasks: Tasks, receiver: Receiver) -> None:
    queue = tasks.queue(max_dispatches_per_second=20)

    for _ in range(40):
        tasks.create(queue, receiver.url("/task"))

    requests = receiver.wait_for("/task", 40)
    assert requests[-1].at - requests[0].at > 0.8  # 20 at once, 20 more at 20 a second


def test_a_queue_has_no_more_tasks_under_way_than_it_allows(tasks: Tasks, receiver: Receiver) -> None:
    receiver.answer("/task", StubResponse(after_seconds=0.3))
    queue = tasks.queue(max_concurrent_dispatches=2)
    tasks.client.pause_queue(name=queue)
    for _ in range(10):
        tasks.create(queue, receiver.url("/task"))

    tasks.client.resume_queue(name=queue)

    receiver.wait_for("/task", 10)
    assert receiver.most_at_once("/task") == 2


def test_one_slow_receiver_does_not_hold_up_another_queue(tasks: Tasks, receiver: Receiver) -> None:
    receiver.answer("/slow", StubResponse(after_seconds=300))
    slow, quick = tasks.queue("slow"), tasks.queue("quick")
    for _ in range(30):
        tasks.create(slow, receiver.url("/slow"))

    tasks.create(quick, receiver.url("/quick"))

    receiver.wait_for("/quick", 1)


def test_the_state_shows_what_waits(tasks: Tasks, local_cloud: LocalCloud, receiver: Receiver) -> None:
    queue = tasks.queue()
    later, sooner = (tasks.create(queue, receiver.url("/task"), at=in_seconds(seconds)) for seconds in (120, 60))

    [shown] = [each for each in local_cloud.state()["queues"] if each["name"] == queue]

    assert (shown["waiting"], shown["paused"]) == (2, False)
    assert [task["name"] for task in shown["tasks"]] == [sooner.name, later.name]
    assert datetime.fromisoformat(shown["tasks"][0]["due_at"]) == sooner.schedule_time


# Durability and speed


def test_kill_9_loses_no_task_and_no_tombstone(tasks: Tasks, local_cloud: LocalCloud, receiver: Receiver) -> None:
    queue = tasks.queue()
    tasks.create(queue, receiver.url("/done"), name="done")
    receiver.wait_for("/done", 1)
    until(lambda: tasks.waiting(queue) == [])
    due = in_seconds(2)
    tasks.create(queue, receiver.url("/due"), name="due", at=due)

    local_cloud.restart(kill=True)

    [request] = receiver.wait_for("/due", 1)
    assert request.time >= due
    with pytest.raises(AlreadyExists):
        tasks.create(queue, receiver.url("/done"), name="done")


def test_200_tasks_are_all_sent(tasks: Tasks, receiver: Receiver) -> None:
    queue = tasks.queue()

    for _ in range(200):
        tasks.create(queue, receiver.url("/task"))

    receiver.wait_for("/task", 200)
