"""Cloud Scheduler in this process: the jobs of the manifest, when virtual time comes to their minute."""

from zoneinfo import ZoneInfo

from functions.manifest import Manifest
from infra.local.cloud.cron import next_fire
from tests.simulation.clock import BEGINNING, Clock
from tests.simulation.delivery import Deliveries, DeliveryKind

JOB_RETRIES: tuple[float, ...] = ()
"""Jobs are not repeated: the next run comes by itself."""


class Scheduler:
    """Sends each function's jobs."""

    def __init__(self, manifest: Manifest, clock: Clock, deliveries: Deliveries, left_out: frozenset[str]) -> None:
        self._zone = ZoneInfo(manifest.time_zone)
        self._clock, self._deliveries = clock, deliveries
        self._schedules = {
            (name, job): schedule
            for name, function in manifest.functions.items()
            for job, schedule in function.jobs.items()
            if name not in left_out
        }
        self._next = {key: self._after(schedule) for key, schedule in self._schedules.items()}

    def fire_due(self) -> None:
        """Send the jobs whose minute has come, each once, however many of its minutes have passed."""
        for key, moment in list(self._next.items()):
            if moment <= self._clock.seconds:
                self._fire(*key)
                self._next[key] = self._after(self._schedules[key])

    def _fire(self, function: str, job: str) -> None:
        name = f"job {function} {job}"
        if any(each.name == name for each in self._deliveries.waiting):
            return  # the run before has not even begun
        self._deliveries.add(
            DeliveryKind.JOB, function, f"/jobs/{job}", b"", self._clock.seconds, waits=JOB_RETRIES, name=name
        )

    def _after(self, schedule: str) -> float:
        return (next_fire(schedule, self._zone, self._clock.now) - BEGINNING).total_seconds()
