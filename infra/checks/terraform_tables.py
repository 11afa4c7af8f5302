"""Keeps the tables of inputs and outputs in the READMEs of infra/terraform and of its modules.

    python -m infra.checks.terraform_tables     writes them anew; a test holds that they are current

Reads Terraform as `terraform fmt` writes it: a block begins and ends in the first column, an argument after two spaces.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TERRAFORM = Path(__file__).parents[1] / "terraform"
_BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.DOTALL | re.MULTILINE)
_BEGIN, _END = "<!-- inputs and outputs: python -m infra.checks.terraform_tables -->\n", "<!-- end -->"
_TABLES = re.compile(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", re.DOTALL)


@dataclass(frozen=True)
class Declared:
    """A variable or an output."""

    kind: str
    name: str
    description: str
    type: str
    default: str | None
    """None where a value must be given."""


def folders() -> list[Path]:
    """The root and its modules: each has a README with the tables."""
    return [TERRAFORM, *sorted(path.parent for path in TERRAFORM.glob("modules/*/main.tf"))]


def declared(folder: Path) -> Iterator[Declared]:
    """The variables and outputs of a folder, by name."""
    for kind in ("variable", "output"):
        text = (folder / f"{kind}s.tf").read_text(encoding="utf-8")
        yield from sorted(
            (_declared(*found) for found in _BLOCK.findall(text) if found[0] == kind), key=lambda each: each.name
        )


def _declared(kind: str, name: str, body: str) -> Declared:
    description = (_argument(body, "description") or "").strip('"').replace('\\"', '"')
    return Declared(kind, name, description, _argument(body, "type") or "", _argument(body, "default"))


def _argument(body: str, name: str) -> str | None:
    """The value of an argument in one line: of a longer one, its first word."""
    found = re.search(rf"^  {name} += (.*)$", body, re.MULTILINE)
    if found is None:
        return None
    return re.sub(r"[({\[]+$", "", found[1]) or "…"


def tables(folder: Path) -> str:
    """Both tables as Markdown, with the comments that they are found by."""
    found = list(declared(folder))
    inputs = [
        f"| `{each.name}` | {_cell(each.description)} | `{each.type}` | {_default(each)} |"
        for each in found
        if each.kind == "variable"
    ]
    outputs = [f"| `{each.name}` | {_cell(each.description)} |" for each in found if each.kind == "output"]
    head = ["| input | what it is | type | default |", "|---|---|---|---|"]
    return "\n".join([_BEGIN, *head, *inputs, "", "| output | what it is |", "|---|---|", *outputs, "", _END])


def _default(each: Declared) -> str:
    return "must be given" if each.default is None else f"`{each.default}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def document(folder: Path) -> str:
    """The folder's README as it must be. Raises ValueError where it has no place for the tables."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    written, places = _TABLES.subn(lambda _: tables(folder), text)
    if places != 1:
        raise ValueError(f"{folder}/README.md has {places} places for its tables")
    return written


def main() -> int:
    """Write every README."""
    for folder in folders():
        (folder / "README.md").write_text(document(folder), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
