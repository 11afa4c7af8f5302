"""Uploads for a build stay in the region: `gcloud builds submit` is told where to, each time."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "infra").rglob("*.md")]
SCRIPTS = [*(ROOT / "infra" / "deploy").glob("*"), ROOT / "Makefile", ROOT / "cloudbuild.yaml"]


def commands(file: Path) -> list[str]:
    """The commands of a file that submit a build, each in one line."""
    text = file.read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if re.search(r"gcloud builds submit +-", line)]


SUBMITTED = [
    (str(file.relative_to(ROOT)), command)
    for file in (*DOCUMENTS, *SCRIPTS)
    if file.is_file() and ".terraform" not in file.parts
    for command in commands(file)
]


def test_there_are_some():
    assert {"docs/runbook.md", "infra/terraform/README.md"} <= {file for file, _ in SUBMITTED}


@pytest.mark.parametrize(("file", "command"), SUBMITTED)
def test_a_build_is_staged_in_the_region(file: str, command: str):
    assert re.search(r"--gcs-source-staging-dir=gs://\$\w+-pipeline/", command), f"{file}: {command}"
