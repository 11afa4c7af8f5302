"""When a new revision may have more traffic, and where the numbers come from."""

import json

import pytest
import requests
from werkzeug.wrappers import Request, Response

from infra.deploy import health
from infra.deploy.health import Health, regression
from tests.unit.deploy.conftest import a_site

FINE = Health(requests=10_000, errors=10, p99_ms=400)


@pytest.mark.parametrize(
    "new",
    [
        FINE,
        Health(requests=100, errors=1, p99_ms=2_000),
        Health(requests=0, errors=0, p99_ms=0),
        Health(requests=3, errors=2, p99_ms=9_000),
    ],
)
def test_goes_on(new: Health):
    assert regression(FINE, new) is None


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (Health(requests=1_000, errors=11, p99_ms=400), "1.1% errors"),
        (Health(requests=1_000, errors=0, p99_ms=2_001), "p99 of 2001 ms"),
        (Health(requests=3, errors=3, p99_ms=100), "3 of 3 answers are errors"),
    ],
)
def test_goes_back(new: Health, words: str):
    assert words in (regression(FINE, new) or "")


def test_what_ails_both_is_not_the_new_revisions_fault():
    ill = Health(requests=1_000, errors=50, p99_ms=5_000)
    assert regression(ill, ill) is None
    assert regression(ill, Health(requests=1_000, errors=101, p99_ms=5_000)) is not None
    assert regression(ill, Health(requests=1_000, errors=50, p99_ms=7_501)) is not None


@pytest.mark.parametrize("requests_seen", [0, 2])
def test_what_people_call_does_not_go_on_unseen(requests_seen: int):
    unseen = Health(requests=requests_seen, errors=0, p99_ms=0)
    assert f"{requests_seen} requests were seen" in (regression(FINE, unseen, is_public=True) or "")
    assert regression(FINE, Health(requests=3, errors=0, p99_ms=0), is_public=True) is None


@pytest.mark.parametrize("answered_well", [0, 2])
def test_what_sells_does_not_go_on_by_refusals_alone(answered_well: int):
    refusing = Health(requests=1_000, errors=0, p99_ms=50, successes=answered_well)
    assert f"{answered_well} requests were answered well" in (regression(FINE, refusing, sells=True) or "")
    assert regression(FINE, refusing) is None
    assert regression(FINE, Health(requests=3, errors=0, p99_ms=50, successes=3), sells=True) is None


def _monitoring(request: Request) -> Response:
    """Cloud Monitoring with one busy revision: 500 answers, 450 good ones, 5 errors, p99 of 250 ms."""
    query = request.args["query"]
    if request.headers["Authorization"] != "Bearer of-the-build" or request.path.split("/")[3] != "example-karcis":
        return Response(status=403)
    if 'revision_name="reserve-2"' not in query or "[600s]" not in query:
        return Response(json.dumps({"data": {"result": []}}))
    values = {"histogram_quantile(0.99": "250", 'response_code_class="5xx"': "5", 'response_code_class="2xx"': "450"}
    value = next((value for part, value in values.items() if part in query), "500.2")
    return Response(json.dumps({"data": {"result": [{"value": [0, value]}]}}))


@pytest.fixture
def monitoring(gcloud, monkeypatch):
    monkeypatch.setenv("CLOUDSDK_CORE_PROJECT", "example-karcis")
    with a_site(_monitoring) as url:
        monkeypatch.setattr(health, "MONITORING", url)
        yield monkeypatch


def test_the_numbers_are_cloud_monitorings(monitoring):
    assert health.monitoring_reader()("reserve", "reserve-2", 600) == Health(
        requests=500, errors=5, p99_ms=250, successes=450
    )


def test_one_token_is_asked_for_all_questions(monitoring, gcloud):
    measure = health.monitoring_reader()
    for revision in ("reserve-1", "reserve-2"):
        measure("reserve", revision, 600)
    assert len([words for words in gcloud.asked() if "print-access-token" in words]) == 1


def test_a_revision_nobody_has_called_yet(monitoring):
    assert health.monitoring_reader()("reserve", "reserve-3", 600) == Health(requests=0, errors=0, p99_ms=0)


def test_numbers_that_cannot_be_had_are_an_error(monitoring):
    monitoring.setenv("CLOUDSDK_CORE_PROJECT", "somebody-elses")
    with pytest.raises(requests.HTTPError):
        health.monitoring_reader()("reserve", "reserve-2", 600)
