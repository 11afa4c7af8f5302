"""Every link in our documents leads somewhere, and so does every page that the code cites."""

import re
from pathlib import Path

import pytest

from tests import requirements
from tests.unit.docs.documents import ROOT, anchors

OF_FOLDERS = [page for page in sorted((ROOT / "infra").rglob("README.md")) if ".terraform" not in page.parts]
DOCUMENTS = [ROOT / "README.md", *OF_FOLDERS, *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path):
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        linked = (document.parent / path).resolve() if path else document
        assert linked.exists(), f"{target} is not there"
        if anchor:
            assert anchor in anchors(linked.read_text(encoding="utf-8")), f"{target} is no heading"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_modules_that_are_named_are_there(document: Path):
    told = document.read_text(encoding="utf-8")
    for path in re.findall(r"`((?:shared|functions|infra|schemas|tests|docs)/[\w./-]+)`", told):
        assert (ROOT / path).exists(), f"{path} is not there"
    for module in re.findall(r"python -m ((?:shared|infra|tests|schemas)[\w.]+)", told):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), f"{module} is not there"


def test_pages_that_the_code_cites_are_there():
    pages = [f"/{page.relative_to(ROOT)}" for page in DOCUMENTS]
    for path in requirements.tracked():
        for cited in re.findall(r"(?<![\w./-])[\w.][\w./-]*\.md\b", (ROOT / path).read_text(encoding="utf-8")):
            page = "/" + cited.replace("../", "")
            assert any(there.endswith(page) for there in pages), f"{path} cites {cited}"
