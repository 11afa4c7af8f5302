"""A function in a process of its own, as its image starts it: functions-framework, and the root main.py."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.functions.framework import Served, served
from tests.processes import starts_processes
from tests.waiting import PATIENCE_SECONDS

PHONE = "081234567890"
"""A correlation id that a caller may choose."""
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(params=["false", "true"], ids=["", "with execution ids"])
@starts_processes
def orders(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    """The function `orders`; LOG_EXECUTION_ID makes the framework set up logging of its own."""
    with served("orders", tmp_path, LOG_EXECUTION_ID=request.param) as running:
        yield running


def ask(served: Served, path: str) -> int:
    headers = {"X-Request-Id": PHONE, "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    return requests.get(served.url + path, headers=headers, timeout=PATIENCE_SECONDS).status_code


def test_its_log_is_what_metrics_and_alerts_are_made_of(orders: Served):
    """From INFO on, as JSON, masked, each line with its request and its trace."""
    assert ask(orders, "/api/v1/orders") == 404
    assert ask(orders, "/health/ready") == 503
    assert [(line["severity"], line["message"]) for line in orders.lines()] == [
        ("INFO", "request"),
        ("WARNING", "database.busy"),
    ]
    line = orders.lines()[0]
    assert line["function"] == "orders"
    assert line["correlation_id"] == "08****890"
    assert line["logging.googleapis.com/trace"] == f"projects/example-karcis/traces/{TRACE}"
    assert (line["status"], line["problem"]) == (404, "not-found")
