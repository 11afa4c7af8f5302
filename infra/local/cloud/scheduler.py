"""Cloud Scheduler: HTTP jobs fired by the clock of their time zone."""

import json
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Column, Connection, DateTime, Engine, Table, Text, select, text

from infra.local.cloud import deliveries, policies
from infra.local.cloud.cron import BadSchedule, next_fire
from infra.local.cloud.policies import Caller, Delivery, Policy, Request
from infra.local.cloud.store import metadata

log = logging.getLogger(__name__)

QUEUE = POLICY = "scheduler"
_MAX_NAP_SECONDS = 30.0  # a clock that is set or a laptop that slept is noticed this soon

fires = Table(
    "scheduler_fires",
    metadata,
    Column("job", Text, primary_key=True),
    Column("fired_for", DateTime(timezone=True), nullable=False),
)

# Only the first to claim a minute fires it, and never one that lies before the last.
CLAIM_MINUTE = text("""
INSERT INTO scheduler_fires (job, fired_for) VALUES (:job, :minute)
ON CONFLICT (job) DO UPDATE SET fired_for = excluded.fired_for
WHERE scheduler_fires.fired_for < excluded.fired_for RETURNING job""")


@dataclass(frozen=True)
class Job:
    """One job: POST to `url` at every minute of `schedule` (five cron fields) by the clocks of `time_zone`.

    The OIDC token is for `audience`; with none it is for the URL. A `paused` job is fired by `Scheduler.run` alone.
    """

    name: str
    schedule: str
    time_zone: str
    url: str
    audience: str = ""
    service_account: str = "scheduler@local.iam.gserviceaccount.com"
    attempt_deadline_seconds: float = 180.0
    paused: bool = False


class BadJobs(ValueError):
    """The list of jobs cannot be used."""


def read_jobs(file: Path) -> list[Job]:
    """The jobs of a JSON file: a list of objects with the fields of `Job`. Raises BadJobs."""
    try:
        return [Job(**fields) for fields in json.loads(file.read_text())]
    except (TypeError, ValueError) as fault:
        raise BadJobs(f"{file}: {fault}") from fault


class SchedulerPolicy(Policy):
    """One attempt per fire; a failed one stays visible, and the next fire is the next chance."""

    def request(self, delivery: Delivery) -> Request:
        """The job's request with the headers that name it."""
        own = super().request(delivery)
        headers = {
            "User-Agent": "Google-Cloud-Scheduler",
            "X-CloudScheduler": "true",
            "X-CloudScheduler-JobName": delivery.options["job"],
            "X-CloudScheduler-ScheduleTime": delivery.created_at.isoformat(),
        }
        return Request(own.url, own.method, headers, own.body, own.timeout_seconds, own.caller)


class Scheduler:
    """Fires the jobs from the moment it is started; minutes that passed before are not made up for.

    `fired` is called when a request has been enqueued. Raises BadJobs for a schedule or a time zone that
    cannot be read, or a name used twice.
    """

    def __init__(
        self,
        engine: Engine,
        jobs: Sequence[Job],
        fired: Callable[[], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._fired = fired
        self._clock = clock
        self._timetable = {job.name: (job, _zone(job)) for job in jobs}
        for job, zone in self._timetable.values():
            _check_schedule(job, zone)
        if len(self._timetable) != len(jobs):
            raise BadJobs("two jobs have the same name")
        policies.register(POLICY, SchedulerPolicy())
        with engine.begin() as tx:
            deliveries.open_queue(tx, QUEUE)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)

    def start(self) -> None:
        """Begin to fire."""
        self._thread.start()

    def stop(self) -> None:
        """Fire nothing more."""
        self._stopping.set()
        self._thread.join()

    def run(self, name: str) -> bool:
        """Fire the job now, beside its schedule; False if there is no such job."""
        if name not in self._timetable:
            return False
        with self._engine.begin() as tx:
            self._enqueue(tx, self._timetable[name][0])
        self._fired()
        return True

    def timetable(self) -> list[dict[str, Any]]:
        """Each job's name, schedule, time zone, URL, last and next fire (ISO 8601, UTC; null if never)."""
        with self._engine.begin() as tx:
            last = {row.job: row.fired_for for row in tx.execute(select(fires))}
        now = self._clock()
        return [
            {
                "name": job.name,
                "schedule": job.schedule,
                "time_zone": job.time_zone,
                "url": job.url,
                "last_fire": last[job.name].isoformat() if job.name in last else None,
                "next_fire": next_fire(job.schedule, zone, now).isoformat(),
            }
            for job, zone in self._timetable.values()
        ]

    def _run(self) -> None:
        start = self._clock()
        due = {
            name: next_fire(job.schedule, zone, start)
            for name, (job, zone) in self._timetable.items()
            if not job.paused
        }
        while not self._stopping.wait(self._nap_seconds(due)):
            now = self._clock()
            for name in [name for name, moment in due.items() if moment <= now]:
                job, zone = self._timetable[name]
                self._fire(job, due[name])
                due[name] = next_fire(job.schedule, zone, now)

    def _nap_seconds(self, due: dict[str, datetime]) -> float:
        now = self._clock()
        return max(0.0, min([_MAX_NAP_SECONDS, *((moment - now).total_seconds() for moment in due.values())]))

    def _fire(self, job: Job, minute: datetime) -> None:
        try:
            with self._engine.begin() as tx:
                if tx.execute(CLAIM_MINUTE, {"job": job.name, "minute": minute}).first():
                    self._enqueue(tx, job)
        except Exception:  # one fire is lost, the next must not be
            log.exception("job %s could not be fired", job.name)
        self._fired()

    def _enqueue(self, tx: Connection, job: Job) -> None:
        deliveries.enqueue(
            tx,
            queue=QUEUE,
            policy=POLICY,
            url=job.url,
            timeout_seconds=job.attempt_deadline_seconds,
            caller=Caller(job.service_account, job.audience or job.url),
            options={"job": job.name},
        )


def _check_schedule(job: Job, zone: ZoneInfo) -> None:
    try:
        next_fire(job.schedule, zone, datetime.now(UTC))
    except BadSchedule as fault:
        raise BadJobs(f"job {job.name}: {fault}") from fault


def _zone(job: Job) -> ZoneInfo:
    try:
        return ZoneInfo(job.time_zone)
    except (ZoneInfoNotFoundError, ValueError) as fault:
        raise BadJobs(f"job {job.name}: {job.time_zone!r} is not a time zone") from fault
