"""A vulnerability that has a fix fails the build; one that has none does not; a database that is away, the pipeline."""

import json
import subprocess
import sys
from typing import Any

import pytest

from infra.checks.vulnerabilities import MUST_ANSWER, judge


def a_report(**fixes: list[str]) -> str:
    """pip-audit's report about packages with one advisory each, fixed in these versions."""
    found: list[dict[str, Any]] = [
        {
            "name": name,
            "version": "3.1.2",
            "vulns": [{"id": f"GHSA-{name}", "fix_versions": versions, "aliases": ["CVE-2024-1"], "description": "x"}],
        }
        for name, versions in fixes.items()
    ]
    sound = {"name": "requests", "version": "2.34.0", "vulns": []}
    skipped = {"name": "karcis", "skip_reason": "Dependency not found on the index"}
    return json.dumps({"dependencies": [sound, skipped, *found], "fixes": []})


def test_nothing_found_is_good():
    verdict = judge(a_report(), "No known vulnerabilities found")
    assert (verdict.status, verdict.words) == (0, "No known vulnerabilities.")


def test_what_has_a_fix_fails_and_says_where_it_is():
    verdict = judge(a_report(jinja2=["3.1.3", "3.1.4"]), "Found 1 known vulnerability")
    assert verdict.status == 1
    assert "FAIL  jinja2 3.1.2: GHSA-jinja2 (fixed in 3.1.3, 3.1.4)" in verdict.words


def test_what_has_no_fix_is_told_and_fails_nothing():
    verdict = judge(a_report(jinja2=[]), "Found 1 known vulnerability")
    assert verdict.status == 0
    assert "note  jinja2 3.1.2: GHSA-jinja2 (no fix yet)" in verdict.words


def test_one_fix_among_others_is_enough():
    assert judge(a_report(jinja2=[], pillow=["12.0"]), "").status == 1


AWAY = pytest.mark.parametrize(
    "complaint",
    [
        "Traceback ...\nrequests.exceptions.ConnectionError: HTTPSConnectionPool(host='api.osv.dev', port=443): ...\n",
        "Traceback ...\nrequests.exceptions.ConnectTimeout: timed out",
        "ERROR:pip_audit._cli:ConnectionError: Could not connect to the vulnerability feed",
        "pip_audit._service.interface.ServiceError",
        "pip_audit._service.interface.ServiceError: 503",
    ],
)


@AWAY
def test_a_database_that_is_away_is_said_and_fails_nothing(complaint: str):
    verdict = judge("", complaint)
    assert verdict.status == 0
    assert verdict.words.startswith("NOT CHECKED")


@AWAY
def test_a_database_that_must_answer_and_does_not_fails(complaint: str):
    verdict = judge("", complaint, must_answer=True)
    assert verdict.status == 1
    assert verdict.words.startswith("NOT CHECKED")


@pytest.mark.parametrize("complaint", ["", "ValueError: requirements.txt: line 3", "No module named pip_audit"])
def test_a_check_that_is_broken_fails(complaint: str):
    assert judge("", complaint).status == 2


@pytest.mark.parametrize(("flags", "status"), [([], 0), ([MUST_ANSWER], 1)])
def test_it_is_run_as_a_module_and_copes_with_a_database_that_refuses(flags: list[str], status: int):
    nobody = ["--osv-url", "http://127.0.0.1:9/v1/query"]
    ran = subprocess.run(
        [sys.executable, "-m", "infra.checks.vulnerabilities", *flags, *nobody],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ran.returncode, ran.stdout.split(":")[0]) == (status, "NOT CHECKED"), ran.stdout + ran.stderr
