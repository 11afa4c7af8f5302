"""A function that sells starts without what only other functions need, or few requests: each start would pay for it."""

import json
import subprocess
import sys

import pytest

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
