"""The canary's own requests reach each function that people call, and change nothing."""

from collections import Counter

import pytest
from werkzeug.wrappers import Request, Response

from functions.manifest import manifest
from infra.deploy import canary, synthetic_requests
from infra.deploy.health import MIN_REQUESTS
from infra.deploy.synthetic_requests import PURCHASE
from shared.catalog import synthetic_events
from shared.web import rate_limits
from tests.unit.deploy.conftest import a_site


@pytest.fixture(autouse=True)
def few(monkeypatch, gcloud):
    monkeypatch.setattr(synthetic_requests, "REQUESTS_EACH", 5)
    monkeypatch.setenv("CLOUDSDK_RUN_REGION", "asia-southeast2")
    gcloud.answers(f"scheduler jobs run {synthetic_requests.PURCHASE}", None)


def _purchases(gcloud) -> int:
    return len([words for words in gcloud.asked() if words[:4] == ["scheduler", "jobs", "run", PURCHASE]])


def _watched(services: list[str], seconds: float = 600) -> tuple[list[Request], float]:
    """The requests to a site while a step is watched by a clock of its own, and how long that takes."""
    asked: list[Request] = []
    clock = [0.0]

    def answer(request: Request) -> Response:
        asked.append(request)
        return Response(status=405)

    def pause(length: float) -> None:
        clock[0] += length

    with a_site(answer) as url:
        synthetic_requests.wait_sending(url, services, now=lambda: clock[0], pause=pause)(seconds)
    return asked, clock[0]


def test_each_public_function_that_is_released_is_asked_and_no_other():
    asked, lasted = _watched(["reserve", "events", "expire"])
    assert Counter(request.path for request in asked) == {"/api/v1/orders/reserve": 5, "/api/v1/events": 5}
    assert {request.method for request in asked} == {"GET"}
    assert lasted == pytest.approx(600)


def test_where_one_sells_as_many_purchases_are_made(gcloud):
    _watched(["reserve", "events"])
    assert _purchases(gcloud) == 5


def test_where_none_sells_there_is_no_purchase(gcloud):
    _watched(["events"])
    assert not gcloud.has_been_asked()


def test_the_purchase_is_a_job_of_the_manifest():
    assert "purchase" in manifest().functions["synthetic_purchase"].jobs
    assert {each.replace("-", "_") for each in synthetic_requests.SELLING} <= set(manifest().functions)


def test_the_buyers_may_write_as_often_as_purchases_do(monkeypatch):
    monkeypatch.undo()
    purchases = 60 * synthetic_requests.REQUESTS_EACH / canary.WATCH_SECONDS
    assert 3 * purchases / synthetic_events.COUNT <= rate_limits.WRITES.per_minute  # reserve, checkout, give back


def test_no_answer_is_a_stored_one():
    asked, _ = _watched(["events"])
    assert len({request.full_path for request in asked}) == len(asked)


def test_a_site_that_does_not_answer_is_waited_for_all_the_same(capsys):
    clock = [0.0]
    synthetic_requests.wait_sending(
        "http://127.0.0.1:1", ["events"], now=lambda: clock[0], pause=lambda length: clock.append(clock.pop() + length)
    )(60)
    assert clock == [pytest.approx(60)]
    assert "ConnectionError" in capsys.readouterr().out


@pytest.mark.parametrize("name", [name for name, each in manifest().functions.items() if each.is_public])
def test_every_public_function_has_an_address_that_is_its_own(name: str):
    found = synthetic_requests.address(manifest().functions[name])
    assert found is not None
    if found.startswith("/api"):
        assert manifest().serving(found) == name


def test_a_tenth_of_them_is_enough_to_see(monkeypatch):
    monkeypatch.undo()
    assert synthetic_requests.REQUESTS_EACH / 10 >= 5 * MIN_REQUESTS
