"""The database's openings reach the workflow that warms instances."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests
from werkzeug.wrappers import Request, Response

from functions.manifest import manifest
from shared.catalog import prewarming
from shared.catalog.openings import MIN_SEATS
from shared.cloud import clients, clock, permissions
from shared.cloud.database import transaction
from shared.cloud.settings import settings
from shared.cloud.workflows import WorkflowNotStarted
from tests.factories import a_tier, an_event
from tests.unit.deploy.conftest import a_site

STARTED = "/v1/projects/karcis-local/locations/asia-southeast2/workflows/prewarm/executions"


class Workflows:
    """Google Workflows, which remembers what was started."""

    def __init__(self) -> None:
        self.arguments: list[dict[str, bool]] = []
        self.status = 200

    def answer(self, request: Request) -> Response:
        assert (request.method, request.path) == ("POST", STARTED)
        if self.status == 200:
            self.arguments.append(json.loads(request.get_json()["argument"]))
        return Response(status=self.status)


@pytest.fixture
def workflows(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workflows]:
    started = Workflows()
    with a_site(started.answer) as url:
        monkeypatch.setenv("WORKFLOWS_URL", url)
        settings.cache_clear()
        clients.google_session.provide(requests.Session())  # type: ignore[arg-type]
        yield started
    clients.google_session.provide(None)
    settings.cache_clear()


def run() -> None:
    """Run the job with the permissions of its function."""
    with permissions.run_as(manifest().functions["prewarm"].permissions):
        prewarming.prewarm()


def test_only_an_opening_that_is_big_and_near_starts_it(workflows: Workflows):
    with transaction() as tx:
        opens = clock.now() + timedelta(minutes=20)
        an_event(tx, tiers=[a_tier(quota=MIN_SEATS - 1, sale_start=opens)])
        an_event(tx, status="draft", tiers=[a_tier(quota=MIN_SEATS, sale_start=opens)])
        an_event(tx, tiers=[a_tier(quota=MIN_SEATS, sale_start=opens + timedelta(hours=1))])
    run()
    assert workflows.arguments == []
    with transaction() as tx:
        an_event(tx, tiers=[a_tier(quota=MIN_SEATS, sale_start=opens)])
    run()
    run()
    assert workflows.arguments == [{"on_sale": True}] * 2


def test_a_workflow_that_can_not_be_started_fails_the_job(workflows: Workflows):
    with transaction() as tx:
        an_event(tx, tiers=[a_tier(quota=MIN_SEATS, sale_start=clock.now())])
    workflows.status = 403
    with pytest.raises(WorkflowNotStarted):
        run()
    workflows.status = 200
    run()
    assert workflows.arguments == [{"on_sale": True}]


def test_a_laptop_has_no_workflows(workflows: Workflows, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORKFLOWS_URL", "")
    settings.cache_clear()
    run()
    assert workflows.arguments == []
