"""The tests that hold each requirement.

`python -m tests.requirements` writes the paths into the last column of docs/requirements.md and prints the ids that no
test names. Where none does, the column says in words what holds the requirement instead, or that nothing does yet.
A note in italics after the links says what of the requirement is missing.
"""

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
REQUIREMENTS = ROOT / "docs/requirements.md"
_NO_REQUIREMENTS = {"P-256", "AES-256", "SHA-256", "SHA-384", "SHA-512"}
"""Words that look like an id: curves, ciphers, hashes."""
_TEXT = (".css", ".hcl", ".html", ".j2", ".js", ".json", ".md", ".po", ".py", ".sql", ".svg", ".tf", ".toml", ".yaml")
_OF_OTHERS = re.compile(r"^docs/requirements\.md$|/vendor/|^tests/payloads/")
"""The list itself, and texts that others have written."""
_TESTS = re.compile(r"(tests/(?!unit/docs/).*/test_\w+\.py|infra/terraform/tests/.*\.hcl)")
"""The files that may hold a requirement: not the tests of documents, which cite ids as samples."""
_ROW = re.compile(r"^\| (?P<id>[A-Z]+\d?(?:-\d+)?) \| (?P<sentence>[^|]+) \| (?P<held>[^|]*) \|$", re.MULTILINE)
_NOTE = re.compile(r"(?<=; )\*[^*]+\*$")
_MAX_PATHS = 2
"""Paths in the column: enough to begin reading."""


@cache
def known() -> tuple[str, ...]:
    """Every id, in the document's order."""
    return tuple(row["id"] for row in _ROW.finditer(REQUIREMENTS.read_text(encoding="utf-8")))


def cited(text: str) -> Iterator[str]:
    """The ids that a text cites, also of families that are not known; `PS-001..004` cites four."""
    families = rf"{_families()}|[A-Z]{{1,5}}(?=-\d{{3}}\b)"
    for family, first, last in re.findall(rf"\b({families})-(\d+)(?:\.\.(\d+))?(?![\w-])", text):
        for number in range(int(first), int(last or first) + 1):
            requirement = f"{family}-{number:0{len(first)}}"
            if requirement not in _NO_REQUIREMENTS:
                yield requirement
    for word in re.findall(r"\b[A-Z]+\d?\b", text):  # GATE, L1: families of one
        if word in known():
            yield word


@cache
def citations() -> dict[str, list[str]]:
    """The files that cite each id; also ids that are not known."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in tracked():
        for requirement in sorted(set(cited((ROOT / path).read_text(encoding="utf-8")))):
            found[requirement].append(path)
    return found


def with_tests(document: str) -> str:
    """The document, each requirement with the first tests that name it."""
    return _ROW.sub(lambda row: f"| {row['id']} | {row['sentence']} | {_held_by(row)} |", document)


def without_words() -> list[str]:
    """The ids that no test names and of which nobody says what holds them."""
    return [row["id"] for row in _ROW.finditer(REQUIREMENTS.read_text(encoding="utf-8")) if not _held_by(row)]


def _held_by(row: re.Match[str]) -> str:
    """Links to tests, with a note of what they don't hold; or the words that stand there.

    A link to a test that names it no more is dropped.
    """
    paths = [path for path in citations().get(row["id"], []) if _TESTS.fullmatch(path)]
    links = [f"[{Path(path).name}](../{path})" for path in paths[:_MAX_PATHS]]
    if links and (note := _NOTE.search(row["held"])):
        links[-1] += f"; {note[0]}"
    return ", ".join(links) or ("" if row["held"].startswith("[test_") else row["held"].strip())


def _families() -> str:
    return "|".join(sorted({requirement.rpartition("-")[0] for requirement in known() if "-" in requirement}))


def tracked() -> list[str]:
    """Our texts and programs, by their paths in the repository."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for path in listed.splitlines() if path.endswith(_TEXT) and not _OF_OTHERS.search(path)]


def main() -> None:
    """Write the column, and print what no test names."""
    REQUIREMENTS.write_text(with_tests(REQUIREMENTS.read_text(encoding="utf-8")), encoding="utf-8")
    for row in _ROW.finditer(REQUIREMENTS.read_text(encoding="utf-8")):
        if not row["held"].startswith("["):
            print(f"{row['id']:12} {row['held'] or 'NOTHING HOLDS IT'}")  # noqa: T201


if __name__ == "__main__":
    main()
