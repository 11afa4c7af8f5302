"""Reading our own documents: headings, and the anchors that a Git host makes of them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def read(path: str) -> str:
    """A document by its path in the repository."""
    return (ROOT / path).read_text(encoding="utf-8")


def headings(document: str) -> list[str]:
    """The text of each heading; what looks like one inside a code block is none."""
    prose = re.sub(r"^```.*?^```", "", document, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^#+ (.+)$", prose, re.MULTILINE)


def anchors(document: str) -> set[str]:
    """The fragments that `#...` may name in it."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings(document)}
