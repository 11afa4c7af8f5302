"""One Python from the laptop to the cloud: what .python-version says."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
VERSION = (ROOT / ".python-version").read_text(encoding="utf-8").strip()
IMAGE = ROOT / "infra/deploy/image.yaml"  # which takes the Dockerfile's
BUILDS = [ROOT / "cloudbuild.yaml", *sorted(set((ROOT / "infra/deploy").glob("*.yaml")) - {IMAGE})]
WITHOUT_PACKAGES = (
    "drift.yaml",
    "export.workflow.yaml",
    "prewarm.workflow.yaml",
    "smoke.workflow.yaml",
)  # the standard library of any Python, and no Python at all
NAMED = re.compile(r"\bpython:?(3\.\d+)|--python (3\.\d+)")


@pytest.mark.parametrize("file", BUILDS, ids=lambda file: file.name)
def test_builds_use_it(file: Path):
    named = {next(filter(None, found)) for found in NAMED.findall(file.read_text(encoding="utf-8"))}
    assert named == (set() if file.name in WITHOUT_PACKAGES else {VERSION})


def test_functions_are_deployed_with_it():
    assert f"FROM python:{VERSION}-" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_lint_and_types_know_it():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["requires-python"] == f">={VERSION}"
    assert project["tool"]["mypy"]["python_version"] == VERSION
    assert project["tool"]["ruff"]["target-version"] == f"py{VERSION.replace('.', '')}"
