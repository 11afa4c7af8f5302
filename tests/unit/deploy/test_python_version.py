"""One Python from the laptop to the cloud: what .python-version says."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
VERSION = (ROOT / ".python-version").read_text(encoding="utf-8").strip()
BUILDS = [ROOT / "cloudbuild.yaml", *sorted((ROOT / "infra/deploy").glob("*.yaml"))]
NAMED = re.compile(r"\bpython:?(3\.\d+)|--python (3\.\d+)|PYTHON_VERSION=(3\.\d+)")


@pytest.mark.parametrize("file", BUILDS, ids=lambda file: file.name)
def test_builds_use_it(file: Path):
    named = {next(filter(None, found)) for found in NAMED.findall(file.read_text(encoding="utf-8"))}
    assert named == {VERSION}


def test_what_is_built_for_a_trial_is_built_with_it():
    assert f"--env=GOOGLE_PYTHON_VERSION={VERSION}.x" in (ROOT / "cloudbuild.yaml").read_text(encoding="utf-8")


def test_functions_are_deployed_with_it():
    module = (ROOT / "infra/terraform/functions.tf").read_text(encoding="utf-8")
    assert 'runtime = "python${replace(trimspace(file("${local.root}/.python-version")), ".", "")}"' in re.sub(
        r"runtime\s+=", "runtime =", module
    )


def test_lint_and_types_know_it():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["requires-python"] == f">={VERSION}"
    assert project["tool"]["mypy"]["python_version"] == VERSION
    assert project["tool"]["ruff"]["target-version"] == f"py{VERSION.replace('.', '')}"
