"""Calls to gateways: time-outs, three tries at most, a circuit breaker (R-004, R-009)."""

import logging
import socket
from dataclasses import replace
from threading import Barrier, Thread
from typing import Any

import pytest

from shared.cloud import trace_context
from shared.gateways.http import GatewayUnavailable, HttpResponse, JsonApi, Timeouts, json_document
from tests.unit.gateways.scripted_server import HANG, HANG_UP, Reply, ScriptedServer
from tests.waiting import PATIENCE_SECONDS

DOWN = Reply(503, {"error_code": "SERVER_ERROR"})


@pytest.fixture
def api(server: ScriptedServer, impatient: Timeouts) -> JsonApi:
    return JsonApi("xendit", server.url, ("the-key", ""), timeouts=impatient)


def test_a_call_carries_key_query_body_and_headers(api: JsonApi, server: ScriptedServer) -> None:
    server.will_answer(Reply(200, {"id": "1"}))
    answer = api.call(
        "POST",
        "/things",
        body={"a": 1},
        query={"q": "x y"},
        headers={"Idempotency-key": "k"},
        repeatable=False,
    )
    assert (answer.status, answer.body) == (200, {"id": "1"})
    (asked,) = server.asked
    assert asked.path == "/things?q=x+y"
    assert asked.body == {"a": 1}
    assert asked.headers["Idempotency-key"] == "k"
    assert asked.headers["Authorization"] == "Basic dGhlLWtleTo="  # "the-key:"


def test_what_may_be_repeated_is_tried_three_times(api: JsonApi, server: ScriptedServer) -> None:
    server.will_answer(DOWN, DOWN, Reply(200, {"id": "1"}))
    assert api.call("GET", "/", repeatable=True).body == {"id": "1"}
    assert len(server.asked) == 3


def test_after_three_tries_the_caller_is_told_to_come_back(api: JsonApi, server: ScriptedServer) -> None:
    server.will_answer(DOWN)
    with pytest.raises(GatewayUnavailable) as error:
        api.call("POST", "/", repeatable=True)
    assert len(server.asked) == 3
    assert error.value.outcome_unknown
    assert error.value.retry_after_seconds > 0


@pytest.mark.parametrize("trouble", [DOWN, HANG, HANG_UP], ids=["5xx", "time-out", "hang-up"])
def test_what_must_not_happen_twice_is_asked_once(api: JsonApi, server: ScriptedServer, trouble: Reply) -> None:
    server.will_answer(trouble)
    with pytest.raises(GatewayUnavailable) as error:
        api.call("POST", "/", repeatable=False)
    assert len(server.asked) == 1
    assert error.value.outcome_unknown


def test_too_many_requests_are_repeated_whatever_they_do(api: JsonApi, server: ScriptedServer) -> None:
    server.will_answer(Reply(429), Reply(200, {}))
    assert api.call("POST", "/", repeatable=False).ok
    assert len(server.asked) == 2


def test_a_wait_longer_than_ours_is_handed_on(api: JsonApi, server: ScriptedServer) -> None:
    server.will_answer(Reply(429, headers={"Retry-After": "60"}))
    with pytest.raises(GatewayUnavailable) as error:
        api.call("POST", "/", repeatable=True)
    assert len(server.asked) == 1
    assert error.value.retry_after_seconds == 60
    assert not error.value.outcome_unknown


def test_a_refused_connection_has_changed_nothing(impatient: Timeouts) -> None:
    with socket.socket() as probe:  # bound but not listening: nobody answers there
        probe.bind(("127.0.0.1", 0))
        api = JsonApi("xendit", f"http://127.0.0.1:{probe.getsockname()[1]}", ("", ""), timeouts=impatient)
        with pytest.raises(GatewayUnavailable) as error:
            api.call("POST", "/", repeatable=False)
    assert not error.value.outcome_unknown


def test_what_became_of_the_first_try_is_looked_up_before_a_second(api: JsonApi, server: ScriptedServer) -> None:
    server.will_answer(DOWN)
    found = HttpResponse(200, {}, {"id": "from the first try"})
    answer = api.call("POST", "/", repeatable=False, recover=lambda: found)
    assert answer is found
    assert len(server.asked) == 1


def test_where_the_first_try_left_nothing_it_is_done_again(api: JsonApi, server: ScriptedServer) -> None:
    server.will_answer(DOWN, Reply(200, {"id": "2"}))
    assert api.call("POST", "/", repeatable=False, recover=lambda: None).body == {"id": "2"}


def test_a_definite_no_is_an_answer_and_is_not_repeated(api: JsonApi, server: ScriptedServer) -> None:
    server.will_answer(Reply(400, {"error_code": "X"}))
    assert api.call("GET", "/", repeatable=True).status == 400
    assert len(server.asked) == 1


def test_an_error_page_in_html_is_an_answer_without_body(api: JsonApi, server: ScriptedServer) -> None:
    server.will_answer(Reply(404, "<html>", {"Content-Type": "text/html"}))
    assert api.call("GET", "/", repeatable=True).status == 404


def test_a_redirect_is_not_followed(api: JsonApi, server: ScriptedServer) -> None:
    server.will_answer(Reply(302, headers={"Location": "/elsewhere"}))
    assert api.call("POST", "/", repeatable=True).status == 302
    assert len(server.asked) == 1


def test_six_failures_in_a_row_open_the_circuit(api: JsonApi, server: ScriptedServer) -> None:
    server.will_answer(DOWN)
    for _ in range(2):
        with pytest.raises(GatewayUnavailable):
            api.call("GET", "/", repeatable=True)
    with pytest.raises(GatewayUnavailable) as error:
        api.call("POST", "/", repeatable=True)
    assert len(server.asked) == 6
    assert error.value.reason == "circuit open"
    assert not error.value.outcome_unknown


def test_an_answer_in_between_keeps_the_circuit_closed(server: ScriptedServer, impatient: Timeouts) -> None:
    api = JsonApi("xendit", server.url, ("", ""), timeouts=replace(impatient, tries=1, failures_to_open=2))
    server.will_answer(DOWN, Reply(400), DOWN, Reply(200))
    for _ in range(2):
        with pytest.raises(GatewayUnavailable):
            api.call("GET", "/", repeatable=True)
        assert api.call("GET", "/", repeatable=True)


def test_too_many_requests_do_not_open_the_circuit(server: ScriptedServer, impatient: Timeouts) -> None:
    api = JsonApi("xendit", server.url, ("", ""), timeouts=replace(impatient, tries=1, failures_to_open=1))
    server.will_answer(Reply(429), Reply(200))
    with pytest.raises(GatewayUnavailable):
        api.call("GET", "/", repeatable=True)
    assert api.call("GET", "/", repeatable=True).ok


def test_an_open_circuit_closes_once_the_gateway_is_back(server: ScriptedServer, impatient: Timeouts) -> None:
    at_once = replace(impatient, tries=1, failures_to_open=1, open_seconds=0.0)
    api = JsonApi("xendit", server.url, ("", ""), timeouts=at_once)
    server.will_answer(DOWN, Reply(200))
    with pytest.raises(GatewayUnavailable):
        api.call("GET", "/", repeatable=True)
    assert api.call("GET", "/", repeatable=True).ok
    assert api.call("GET", "/", repeatable=True).ok


def test_threads_do_not_wait_for_each_other(server: ScriptedServer, impatient: Timeouts) -> None:
    """The breaker.call() of pybreaker would let one request through at a time."""
    together = Barrier(2, timeout=PATIENCE_SECONDS)
    api = JsonApi("xendit", server.url, ("", ""), timeouts=impatient, status_of=_meet(together))
    threads = [Thread(target=api.call, args=("GET", "/"), kwargs={"repeatable": True}) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not together.broken


def test_logs_name_neither_key_nor_body_nor_query(
    api: JsonApi, server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="shared.gateways")
    server.will_answer(HANG_UP)
    with pytest.raises(GatewayUnavailable) as error:
        api.call("POST", "/", body={"name": "Siti"}, query={"email": "siti@example.com"}, repeatable=True)
    logged = "".join(str(vars(record)) for record in caplog.records) + repr(error.value)
    assert "gateway.unavailable" in logged
    for secret in ("the-key", "Siti", "siti@"):
        assert secret not in logged


def _meet(together: Barrier):  # type: ignore[no-untyped-def]
    def status_of(answer: HttpResponse) -> int:
        together.wait()
        return answer.status

    return status_of


def test_a_call_says_to_which_trace_it_belongs(api: JsonApi, server: ScriptedServer) -> None:
    position = trace_context.begin({})
    api.call("GET", "/x", repeatable=True)
    assert server.asked[0].headers["traceparent"] == position.traceparent


@pytest.mark.parametrize("body", [None, "text", {"error_code": "SERVER_ERROR"}, {"error_messages": ["no"]}])
def test_a_good_status_without_a_document_is_unavailable_and_opens_the_circuit(
    server: ScriptedServer, impatient: Timeouts, body: Any
) -> None:
    server.will_answer(Reply(200, body))
    api = JsonApi("xendit", server.url, ("key", ""), timeouts=replace(impatient, tries=1, failures_to_open=2))
    for reason in ("unreadable answer", "unreadable answer", "circuit open"):
        with pytest.raises(GatewayUnavailable, match=reason) as error:
            api.call("GET", "/", repeatable=True, reads=json_document)
        assert error.value.outcome_unknown == (reason != "circuit open")
    assert len(server.asked) == 2
