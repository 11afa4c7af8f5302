"""New revisions are asked at addresses of their own before they have traffic, and the tag is taken off again."""

import json
from pathlib import Path

import pytest
import yaml

from infra.deploy import candidate_checks
from infra.deploy.traffic import RevisionChange

ROOT = Path(__file__).parents[3]
CHANGES = [RevisionChange("reserve", "reserve-1", "reserve-2"), RevisionChange("expire", "expire-1", "expire-2")]
ADDRESS = "https://candidate---reserve-x.a.run.app"
READY, OWN = f"{ADDRESS}/health/ready", f"{ADDRESS}/api/v1/orders/reserve"


@pytest.fixture(autouse=True)
def region(monkeypatch):
    monkeypatch.setenv("CLOUDSDK_RUN_REGION", "asia-southeast2")


@pytest.fixture
def cloud(gcloud):
    tagged_target = {"tag": candidate_checks.TAG, "revisionName": "reserve-2", "url": ADDRESS}
    gcloud.holds({"reserve": {"traffic": [{"revisionName": "reserve-1", "percent": 100}, tagged_target]}})
    return gcloud


def _answer(cloud, statuses: dict[str, int | None]) -> None:
    cloud.answers("workflows run smoke --data", {"state": "SUCCEEDED", "result": json.dumps(statuses)})


def test_what_people_call_is_asked_and_gets_no_traffic(cloud):
    _answer(cloud, {READY: 200, OWN: 405})
    assert candidate_checks.failures(CHANGES) == []
    assert cloud.changes() == [["reserve", "--remove-tags=candidate"], ["reserve", "--update-tags=candidate=reserve-2"]]
    [data] = [word for words in cloud.asked() for word in words if word.startswith("--data=")]
    assert json.loads(data.removeprefix("--data=")) == [READY, OWN]


@pytest.mark.parametrize("status", [500, 503, None])
def test_one_that_is_ill_is_named(cloud, status: int | None):
    _answer(cloud, {READY: 200, OWN: status})
    assert candidate_checks.failures(CHANGES) == [f"{OWN} answers {status}"]


def test_one_that_was_not_asked_is_ill(cloud):
    _answer(cloud, {READY: 200})
    assert candidate_checks.failures(CHANGES) == [f"{OWN} answers None"]


def test_the_tag_goes_whatever_happens(cloud):
    with pytest.raises(Exception, match="workflows"):
        candidate_checks.failures(CHANGES)
    assert ["reserve", "--remove-tags=candidate"] in cloud.changes()


def test_where_it_can_not_be_tagged_nothing_is_asked(cloud):
    cloud.refuses("reserve")
    [fault] = candidate_checks.failures(CHANGES)
    assert fault.startswith("reserve can't be tagged")


def test_the_workflow_returns_a_status_for_each_address():
    workflow = yaml.safe_load((ROOT / "infra" / "deploy" / "smoke.workflow.yaml").read_text(encoding="utf-8"))["main"]
    assert workflow["params"] == ["addresses"]
    begin, ask_all, done = workflow["steps"]
    assert begin["begin"]["assign"] == [{"statuses": {}}]
    assert ask_all["ask_all"]["for"]["in"] == "${addresses}"
    assert done["done"]["return"] == "${statuses}"
