"""How a function starts: without what only other functions need, or few requests, and with a server that may idle."""

import json
import subprocess
import sys
from typing import Any

import pytest
from functions_framework._http.gunicorn import GunicornApplication

import main

LATER = {"PIL", "aiohttp", "babel", "bcrypt", "cryptography", "email_validator", "google.api_core", "grpc", "jwt"}
LATER |= {"opentelemetry", "qrcode", "uharfbuzz"}
CALLS_GATEWAYS = {"requests", "tenacity", "pybreaker"}


@pytest.mark.parametrize(
    ("function", "later"),
    [("reserve", LATER | CALLS_GATEWAYS), ("checkout", LATER), ("webhook", LATER)],
    ids=["reserve", "checkout", "webhook"],
)
def test_a_function_imports_only_what_its_first_answer_needs(function: str, later: set[str]):
    loaded = f"import json, sys, main; main.{function}; print(json.dumps(list(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert not later & set(json.loads(ran.stdout))


@pytest.mark.parametrize(("threads", "seconds"), [("16", 0), ("1", 60)])
def test_no_worker_is_ended_for_having_been_idle(monkeypatch: pytest.MonkeyPatch, threads: str, seconds: int):
    """Cloud Run takes the processor from an idle instance, so gunicorn's heartbeat stops; one thread is no server."""
    monkeypatch.setenv("FUNCTION_TARGET", "orders")
    monkeypatch.setenv("THREADS", threads)
    monkeypatch.setenv("THREADED_TIMEOUT_ENABLED", "true")
    monkeypatch.setenv("CLOUD_RUN_TIMEOUT_SECONDS", "60")
    started: list[Any] = []
    monkeypatch.setattr(GunicornApplication, "run", lambda self: started.append(self.cfg))
    main.serve()
    assert [configured.timeout for configured in started] == [seconds]
