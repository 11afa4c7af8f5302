"""Calls for somebody who waits for a page: they end in time, and say nothing about the gateway."""

import time
from dataclasses import replace

import pytest

from shared.gateways import call_deadline
from shared.gateways.http import GatewayUnavailable, JsonApi, Timeouts
from tests.unit.gateways.scripted_server import HANG, Reply, ScriptedServer
from tests.waiting import PATIENCE_SECONDS

DOWN = Reply(503, {"error_code": "SERVER_ERROR"})


@pytest.fixture
def api(server: ScriptedServer, impatient: Timeouts) -> JsonApi:
    patient = replace(impatient, read_seconds=300, total_seconds=600, failures_to_open=1, open_seconds=1000.0)
    return JsonApi("xendit", server.url, ("the-key", ""), timeouts=patient)


def test_an_answer_that_does_not_come_in_time_is_none(api: JsonApi, server: ScriptedServer) -> None:
    server.will_answer(HANG)
    begun = time.monotonic()
    with call_deadline.within(0.2), pytest.raises(GatewayUnavailable) as error:
        api.call("GET", "/", repeatable=True)
    assert time.monotonic() - begun < PATIENCE_SECONDS
    assert error.value.outcome_unknown
    assert len(server.asked) == 1


def test_it_is_one_deadline_for_all_calls_together(api: JsonApi, server: ScriptedServer) -> None:
    server.will_answer(Reply(200, {}))
    with call_deadline.within(1000):
        assert api.call("GET", "/", repeatable=True).ok
    with call_deadline.within(-1), pytest.raises(GatewayUnavailable, match="no time left"):
        api.call("GET", "/", repeatable=True)
    assert len(server.asked) == 1


def test_it_neither_opens_a_circuit_nor_closes_one(api: JsonApi, server: ScriptedServer) -> None:
    server.will_answer(DOWN, DOWN, DOWN, DOWN)
    for _ in range(3):
        with call_deadline.within(1000), pytest.raises(GatewayUnavailable, match="status 503"):
            api.call("GET", "/", repeatable=True)
    assert api.paused_seconds == 0
    with pytest.raises(GatewayUnavailable):
        api.call("GET", "/", repeatable=True)
    assert 900 < api.paused_seconds <= 1000
    with call_deadline.within(1000), pytest.raises(GatewayUnavailable, match="circuit open"):
        api.call("GET", "/", repeatable=True)
    assert len(server.asked) == 4


def test_a_circuit_that_may_be_tried_again_is_not_paused(server: ScriptedServer, impatient: Timeouts) -> None:
    at_once = replace(impatient, tries=1, failures_to_open=1, open_seconds=0.0)
    api = JsonApi("xendit", server.url, ("", ""), timeouts=at_once)
    server.will_answer(DOWN, Reply(200))
    with pytest.raises(GatewayUnavailable):
        api.call("GET", "/", repeatable=True)
    assert api.paused_seconds == 0
    assert api.call("GET", "/", repeatable=True).ok
