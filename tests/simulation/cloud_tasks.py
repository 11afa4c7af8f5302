"""Cloud Tasks in this process: a task is a delivery that is due at its time; a name is taken for good."""

from typing import Any

from google.api_core.exceptions import AlreadyExists, ServiceUnavailable

from functions.manifest import Manifest
from infra.local.cloud.tasks_policy import backoff_seconds
from tests.simulation.clock import BEGINNING, Clock
from tests.simulation.delivery import Deliveries, DeliveryKind
from tests.simulation.faults import Faults, Point


class CloudTasks:
    """Stands in for google.cloud.tasks_v2.CloudTasksClient."""

    def __init__(self, manifest: Manifest, clock: Clock, faults: Faults, deliveries: Deliveries) -> None:
        self._queues, self._clock, self._faults, self._deliveries = manifest.queues, clock, faults, deliveries
        self._names: set[str] = set()

    def create_task(self, *, parent: str, task: Any, timeout: float) -> Any:
        """Take a task."""
        self._faults.pass_by(Point.TASK, "before")
        if self._faults.due(Point.TASK):
            raise ServiceUnavailable("Cloud Tasks can't be reached")
        if task.name and task.name in self._names:
            raise AlreadyExists("the task exists")
        self._names.add(task.name)
        target = task.http_request.url.split("/functions/", 1)[1]
        function, _, path = target.partition("/")
        due = task.schedule_time.timestamp() - BEGINNING.timestamp() if task.schedule_time else 0.0
        self._deliveries.add(
            DeliveryKind.TASK,
            function.replace("-", "_"),
            f"/{path}",
            task.http_request.body,
            max(due, self._clock.seconds),
            waits=self._waits(parent.rsplit("/", 1)[1]),
        )
        self._faults.pass_by(Point.TASK, "after")
        return task

    def _waits(self, queue: str) -> tuple[float, ...]:
        policy = {**self._queues[queue], "max_doublings": 16}
        return tuple(backoff_seconds(policy, failures) for failures in range(1, policy["max_attempts"]))
