"""Which test names which requirement: `python -m tests.requirements` prints the ids of docs/requirements.md."""

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
REQUIREMENTS = ROOT / "docs/requirements.md"
_NO_REQUIREMENTS = {"P-256"}
"""What looks like an id: an elliptic curve."""
_TEXT = (".py", ".md", ".yaml", ".tf", ".j2", ".sql")


@cache
def known() -> tuple[str, ...]:
    """Every id, in the document's order."""
    return tuple(re.findall(r"^\| ([A-Z]+\d?(?:-\d+)?) \|", REQUIREMENTS.read_text(encoding="utf-8"), re.MULTILINE))


def cited(text: str) -> Iterator[str]:
    """The ids that a text cites; `PS-001..004` cites four."""
    for family, first, last in re.findall(rf"\b({_families()})-(\d+)(?:\.\.(\d+))?(?![\w-])", text):
        for number in range(int(first), int(last or first) + 1):
            requirement = f"{family}-{number:0{len(first)}}"
            if requirement not in _NO_REQUIREMENTS:
                yield requirement
    for word in re.findall(r"\b[A-Z]+\d?\b", text):  # GATE, L1: families of one
        if word in known():
            yield word


def citations() -> dict[str, list[str]]:
    """The files that cite each id; also ids that are not known."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in tracked():
        for requirement in sorted(set(cited((ROOT / path).read_text(encoding="utf-8")))):
            found[requirement].append(path)
    return found


def _families() -> str:
    return "|".join(sorted({requirement.rpartition("-")[0] for requirement in known() if "-" in requirement}))


def tracked() -> list[str]:
    """Our texts and programs, by their paths in the repository."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout  # noqa: S607
    return [path for path in listed.splitlines() if path.endswith(_TEXT) and path != "docs/requirements.md"]


def main() -> None:
    """Print a line for each id."""
    citing = citations()
    for requirement in known():
        tests = [path for path in citing.get(requirement, []) if path.startswith("tests/")]
        print(f"{requirement:12} {', '.join(tests) or 'no test names it'}")  # noqa: T201


if __name__ == "__main__":
    main()
