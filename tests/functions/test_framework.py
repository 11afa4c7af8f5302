"""A function in a process of its own, as Google's builders start it: functions-framework, and the root main.py."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conformance.local_cloud import free_port
from tests.stack import ROOT
from tests.waiting import PATIENCE_SECONDS, until

PHONE = "081234567890"
"""A correlation id that a caller may choose."""
TRACE = "0af7651916cd43dd8448eb211c80319c"
NOBODY_THERE = "postgresql+pg8000://nobody@127.0.0.1:1/karcis"


@dataclass
class Served:
    """A function that answers at `url`, and prints into `printed`."""

    url: str
    printed: Path

    def ask(self, path: str) -> int:
        headers = {"X-Request-Id": PHONE, "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        return requests.get(self.url + path, headers=headers, timeout=PATIENCE_SECONDS).status_code

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged. A line that isn't JSON is an error."""
        return [json.loads(line) for line in self.printed.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(params=["false", "true"], ids=["", "with execution ids"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    """The function `orders`; LOG_EXECUTION_ID makes the framework set up logging of its own."""
    port = free_port()
    found = Served(f"http://127.0.0.1:{port}", tmp_path / "printed")
    environment = {
        "K_SERVICE": "orders",
        "FUNCTION": "orders",
        "GOOGLE_CLOUD_PROJECT": "example-karcis",
        "DATABASE_URL": NOBODY_THERE,
        "RATE_LIMITS": "off",
        "LOG_EXECUTION_ID": request.param,
    }
    command = [sys.executable, "-m", "functions_framework", "--target=orders", "--host=127.0.0.1", f"--port={port}"]
    with (
        found.printed.open("w") as printed,
        subprocess.Popen(
            command, cwd=ROOT, env=os.environ | environment, stdout=printed, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            until(lambda: process.poll() is not None or _answers(found.url), what="for it to answer")
            yield found
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/health/live", timeout=1).ok
    except (requests.ConnectionError, requests.Timeout):
        return False


def test_its_log_is_what_metrics_and_alerts_are_made_of(served: Served):
    """From INFO on, as JSON, masked, each line with its request and its trace."""
    assert served.ask("/api/v1/orders") == 404
    assert served.ask("/health/ready") == 503
    assert [(line["severity"], line["message"]) for line in served.lines()] == [
        ("INFO", "request.refused"),
        ("INFO", "request"),
        ("WARNING", "database.busy"),
    ]
    for line in served.lines()[:2]:
        assert line["function"] == "orders"
        assert line["correlation_id"] == "08****890"
        assert line["logging.googleapis.com/trace"] == f"projects/example-karcis/traces/{TRACE}"
    assert served.lines()[1]["status"] == 404
