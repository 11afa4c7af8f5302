"""The image of all functions: what its Dockerfile copies is laid out in a folder and started by its own command.

There need not be a Docker engine: the base and the packages are those of this virtual environment.
"""

import fnmatch
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from functions.manifest import manifest
from infra.local.postgres import Postgres
from tests.functions.framework import NOBODY_THERE, Served, served
from tests.processes import starts_processes
from tests.stack import ROOT
from tests.waiting import PATIENCE_SECONDS

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
STAGES = re.split(r"^(?=FROM )", DOCKERFILE, flags=re.MULTILINE)[1:]
FINAL = STAGES[-1]
IGNORED = [
    line for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] not in ("", "#")
]
PRODUCT = {"main.py", "requirements.txt", "functions", "shared"}


def _instruction(name: str) -> str:
    [found] = re.findall(rf"^{name} (.+)$", FINAL, re.MULTILINE)
    return found


def _copied() -> list[str]:
    """The files that the last stage takes from the repository."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", FINAL, re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


def _left_out(_: str, names: list[str]) -> list[str]:
    anywhere = [pattern.removeprefix("**/") for pattern in IGNORED if pattern.startswith("**/")]
    return [name for name in names if any(fnmatch.fnmatch(name, pattern) for pattern in anywhere)]


@pytest.fixture(scope="module")
def srv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image's working directory."""
    folder = tmp_path_factory.mktemp("srv")
    for name in _copied():
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=_left_out)
        else:
            shutil.copy(source, folder)
    return folder


@pytest.fixture(params=["orders", "reserve", "expire"])
@starts_processes
def function(request: pytest.FixtureRequest, srv: Path, tmp_path: Path, postgres: Postgres) -> Iterator[Served]:
    """A function as Cloud Run starts it, with the database of the tests."""
    found = manifest().functions[request.param]
    settings = {
        "FUNCTION_TARGET": found.name,
        "THREADS": str(found.sizing["threads"]),
        "THREADED_TIMEOUT_ENABLED": "true",
        "CLOUD_RUN_TIMEOUT_SECONDS": str(found.sizing["timeout_seconds"]),
        "DATABASE_URL": postgres.url("postgres"),
    }
    with served(found.name, tmp_path, folder=srv, command=json.loads(_instruction("CMD")), **settings) as running:
        yield running


def test_a_function_starts_from_it_and_reaches_the_database(function: Served):
    """The addresses of the startup probe and the liveness probe (infra/terraform/modules/function)."""
    for path in ("/health/ready", "/health/live"):
        assert requests.get(function.url + path, timeout=PATIENCE_SECONDS).status_code == 200


@pytest.fixture
@starts_processes
def alone(srv: Path, tmp_path: Path) -> Iterator[Served]:
    """A function whose database isn't there."""
    settings = {"FUNCTION_TARGET": "orders", "DATABASE_URL": NOBODY_THERE}
    with served("orders", tmp_path, folder=srv, command=json.loads(_instruction("CMD")), **settings) as running:
        yield running


def test_without_its_database_it_is_not_ready(alone: Served):
    assert requests.get(alone.url + "/health/ready", timeout=PATIENCE_SECONDS).status_code == 503


def test_every_function_can_be_imported_from_it(srv: Path):
    source = f"import main; assert all(callable(getattr(main, name)) for name in {list(manifest().functions)!r})"
    subprocess.run([sys.executable, "-c", source], cwd=srv, check=True, timeout=120)


def test_it_holds_the_product_and_nothing_else():
    assert set(_copied()) == PRODUCT
    assert {pattern[1:] for pattern in IGNORED if pattern.startswith("!")} == PRODUCT
    assert IGNORED[0] == "*"


def test_its_base_is_named_by_digest_and_only_once():
    bases = [stage.split()[1] for stage in STAGES]
    assert re.fullmatch(r"python:3\.11-slim-bookworm@sha256:[0-9a-f]{64}", bases[0])
    assert set(bases[1:]) == {"base"}


def test_its_packages_are_those_that_are_locked():
    assert "--require-hashes --only-binary=:all: --requirement requirements.txt" in STAGES[1]


def test_it_runs_as_nobody():
    user, group = _instruction("USER").split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert "chown" not in FINAL
