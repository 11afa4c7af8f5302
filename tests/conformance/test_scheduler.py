"""Cloud Scheduler as the product uses it, against our local server: Google has no emulator of it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from google.auth.transport.requests import Request
from google.oauth2 import id_token
from sqlalchemy import Engine

from infra.local.cloud.scheduler import BadJobs, Job, Scheduler
from infra.local.cloud.store import open_store
from infra.local.postgres import Postgres
from tests.conformance.local_cloud import LocalCloud, running
from tests.conformance.receiver import Receiver
from tests.waiting import until

NOON = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)  # in Jakarta


@pytest.fixture
def store(local_cloud: LocalCloud) -> Iterator[Engine]:
    """The store of the running server, whose dispatcher makes the requests."""
    engine = open_store(local_cloud.database_url)
    yield engine
    engine.dispose()


def clock(starts_at: datetime) -> Callable[[], datetime]:
    """A clock that shows `starts_at` when it is first looked at, however late that is, and then runs on."""
    begun: list[datetime] = []

    def now() -> datetime:
        begun[:] = begun or [datetime.now(UTC)]
        return starts_at + (datetime.now(UTC) - begun[0])

    return now


def a_job(receiver: Receiver, path: str, schedule: str = "0 12 * * *") -> Job:
    return Job(f"job{path}", schedule, "Asia/Jakarta", receiver.url(path), audience="https://job")


def run_from(moment: datetime, job: Job, store: Engine) -> Scheduler:
    scheduler = Scheduler(store, [job], lambda: None, clock(moment))
    scheduler.start()
    return scheduler


def fired_for(scheduler: Scheduler) -> str | None:
    last: str | None = scheduler.timetable()[0]["last_fire"]
    return last


def test_a_job_is_fired_at_its_minute(store: Engine, local_cloud: LocalCloud, receiver: Receiver) -> None:
    scheduler = run_from(NOON - timedelta(seconds=0.5), a_job(receiver, "/noon"), store)

    [request] = receiver.wait_for("/noon", 1)
    scheduler.stop()

    assert (request.method, request.headers["X-Cloudscheduler-Jobname"]) == ("POST", "job/noon")
    token = request.headers["Authorization"].removeprefix("Bearer ")
    certificates = f"{local_cloud.http_url}/oidc/certs"
    assert id_token.verify_token(token, Request(), audience="https://job", certs_url=certificates)
    assert fired_for(scheduler) == NOON.isoformat()


def test_a_minute_is_not_fired_again_after_a_restart(store: Engine, receiver: Receiver) -> None:
    job = a_job(receiver, "/once", schedule="* * * * *")
    scheduler = run_from(NOON - timedelta(seconds=0.3), job, store)
    receiver.wait_for("/once", 1)
    scheduler.stop()

    again = run_from(NOON - timedelta(seconds=0.3), job, store)
    next_minute = run_from(NOON + timedelta(seconds=59.3), job, store)
    receiver.wait_for("/once", 2)
    again.stop()
    next_minute.stop()

    assert fired_for(next_minute) == (NOON + timedelta(minutes=1)).isoformat()
    assert len(receiver.received("/once")) == 2


def test_missed_minutes_are_not_made_up_for(store: Engine, receiver: Receiver) -> None:
    job = a_job(receiver, "/missed")
    late = run_from(NOON + timedelta(hours=2), job, store)
    probe = run_from(NOON - timedelta(seconds=0.3), a_job(receiver, "/probe"), store)

    receiver.wait_for("/probe", 1)
    late.stop()
    probe.stop()

    assert late.timetable()[0]["next_fire"] == (NOON + timedelta(days=1)).isoformat()
    assert receiver.received("/missed") == []


def test_a_job_that_makes_no_sense_is_refused(store: Engine) -> None:
    good = Job("job", "0 12 * * *", "Asia/Jakarta", "http://127.0.0.1/")
    for wrong in (replace(good, schedule="0 25 * * *"), replace(good, time_zone="Asia/Atlantis")):
        with pytest.raises(BadJobs):
            Scheduler(store, [wrong], lambda: None)
    with pytest.raises(BadJobs, match="same name"):
        Scheduler(store, [good, good], lambda: None)


@pytest.mark.processes
def test_a_job_of_the_file_is_fired_when_told(postgres: Postgres, tmp_path: Path, receiver: Receiver) -> None:
    postgres.create_database("local_cloud_with_jobs")
    job = {"name": "sweep", "schedule": "0 3 1 1 *", "time_zone": "Asia/Jakarta", "url": receiver.url("/sweep")}
    with running(postgres.url("local_cloud_with_jobs"), tmp_path, [job]) as cloud:
        answer = requests.post(f"{cloud.http_url}/jobs/sweep/run", timeout=10)
        unknown = requests.post(f"{cloud.http_url}/jobs/unknown/run", timeout=10)

        receiver.wait_for("/sweep", 1)
        [shown] = cloud.state()["jobs"]

    assert (answer.status_code, unknown.status_code) == (200, 404)
    assert (shown["name"], shown["last_fire"]) == ("sweep", None)
    assert shown["next_fire"].endswith("-12-31T20:00:00+00:00")  # three o'clock in Jakarta


def test_a_job_that_fails_is_seen_and_not_repeated(store: Engine, local_cloud: LocalCloud, receiver: Receiver) -> None:
    receiver.answer("/broken", 500)
    scheduler = Scheduler(store, [a_job(receiver, "/broken")], lambda: None)

    scheduler.run("job/broken")

    url = receiver.url("/broken")
    until(lambda: url in {each["url"] for each in local_cloud.state()["dead_letters"]})
    assert len(receiver.received("/broken")) == 1
