"""The names that documents and docstrings cite are names of the code: a rename leaves none behind."""

import ast
import re
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.sources import nodes
from tests.unit.docs.documents import ROOT

PRODUCT = ("shared", "functions", "infra", "schemas")
DOCUMENTS = [ROOT / "README.md", *sorted(set((ROOT / "docs").glob("*.md")) - {ROOT / "docs/runbook.md"})]
"""The names of the runbook are kinds of tasks and alerts: test_runbook.py looks for them."""
OTHER_TEXTS = {".css", ".hcl", ".html", ".ini", ".j2", ".js", ".json", ".po", ".sql", ".tf", ".toml", ".txt", ".yaml"}
OF_OTHERS = {"Factory", "certs_url", "database.tier", "field_1", "run.app", "version_num"}
"""What is cited of others: zones, parameters of libraries, a Terraform variable, a domain."""


def sources() -> list[Path]:
    return [path for folder in PRODUCT for path in sorted((ROOT / folder).rglob("*.py"))]


def docstrings(path: Path) -> set[ast.Constant]:
    """What stands alone as a text: of a module, class or function, or under a field or constant."""
    alone = (node.value for node in nodes(path) if isinstance(node, ast.Expr))
    return {value for value in alone if isinstance(value, ast.Constant) and isinstance(value.value, str)}


@cache
def names() -> set[str]:
    """Every word of the product that is no prose: names, words of SQL and other texts, of file names and settings."""
    words: set[str] = set()
    for path in sources():
        prose = docstrings(path)
        words.update(path.with_suffix("").parts)
        for node in nodes(path):
            if node not in prose:
                words.update(*(_words(text) for text in _texts(node)))
    for path in [*ROOT.glob("*"), *(path for folder in PRODUCT for path in (ROOT / folder).rglob("*"))]:
        if path.suffix in OTHER_TEXTS or path.name == "Makefile":
            words.update(re.findall(r"\w+", path.read_text(encoding="utf-8")))
    return words | OF_OTHERS


def _words(text: str) -> set[str]:
    return {text} if text.isidentifier() else {*re.findall(r"\w+", text), *re.findall(r"[\w.]+", text)}


def _texts(node: ast.AST) -> Iterator[str]:
    """The names and texts that a node holds itself."""
    for _, value in ast.iter_fields(node):
        yield from (part for part in (value if isinstance(value, list) else [value]) if isinstance(part, str))


@cache
def modules() -> dict[str, set[str]]:
    """What the modules of the product define, by the last part of their names."""
    found: dict[str, set[str]] = {}
    for path in sources():
        found.setdefault(path.stem, set()).update(
            word for node in nodes(path) for word in _texts(node) if word.isidentifier()
        )
    return found


def undefined(text: str, imported: Collection[str] = ()) -> set[str]:
    """The names that a text has in backticks, after "Raises", or as `module.name` of what is imported, and are none."""
    quoted = re.findall(r"`(\w*(?:[A-Z_.]\w*[a-z]|[a-z]\w*[A-Z_.])[\w.]*)(?<!\.)(?:\(\))?`", text)
    raised = [
        name for said in re.findall(r"Raises ([^.:;]+)", text) for name in re.findall(r"\b[A-Z]\w*[a-z]\w*", said)
    ]
    dotted = [name for name in re.findall(r"(?<![\w/.])[a-z_]+\.[a-z_]+\b", text) if name.split(".")[0] in imported]
    return {name for name in {*quoted, *raised, *dotted} if not _is_defined(name)}


def _is_defined(name: str) -> bool:
    first, _, rest = name.partition(".")
    if name in names() or rest in {"py", "md", "yaml", "html", "json", "sql", "tf"}:
        return True  # other tests look for files
    if first in modules() and rest and "." not in rest:
        return rest in modules()[first] or f"{first}.{rest}" in columns()
    return all(part in names() for part in name.split("."))


@cache
def columns() -> set[str]:
    """Every `table.column` of the database, as migrations left it or had it meanwhile."""
    schema = (ROOT / "schemas/schema.sql").read_text(encoding="utf-8")
    tables = re.findall(r"^CREATE TABLE (?:public\.)?(\w+) \((.*?)^\)", schema, re.MULTILINE | re.DOTALL)
    return {f"{table}.{column}" for table, body in tables for column in re.findall(r"^\s+(\w+) ", body, re.MULTILINE)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_names_in_documents_are_names_of_the_code(document: Path):
    assert undefined(document.read_text(encoding="utf-8")) == set()


@pytest.mark.parametrize("folder", PRODUCT)
def test_names_in_docstrings_are_names_of_the_code(folder: str):
    wrong = {
        f"{path.relative_to(ROOT)}:{docstring.lineno}": missing
        for path in sorted((ROOT / folder).rglob("*.py"))
        for docstring in docstrings(path)
        if (missing := undefined(str(docstring.value), imported(path)))
    }
    assert wrong == {}


def imported(path: Path) -> set[str]:
    """The modules that a file imports by name."""
    froms = (node for node in nodes(path) if isinstance(node, ast.ImportFrom))
    return {alias.name for node in froms for alias in node.names if not alias.asname} & set(modules())


def test_what_is_no_name_is_found():
    assert undefined("`transaction`, `people.lock` and `no_such_thing`; Raises NotFound, Vanished.") == {
        "no_such_thing",
        "Vanished",
    }
    assert undefined("what people.vanish does", {"people"}) == {"people.vanish"}


OLD_MODULES = {
    *(
        "by_hand",
        "paying_back",
        "paying_out",
        "ending",
        "facts",
        "composing",
        "answers",
        "opening",
        "claims",
        "holdings",
    ),
    *(
        "sealing",
        "resealing",
        "sheet",
        "typeface",
        "printing",
        "combining",
        "preparing",
        "reading",
        "ownership",
        "grants",
    ),
    *("disposal", "windows", "metering"),
}
OLD_CLASSES = re.compile(r"^_?(Letter|Ask|Look|Bell|Pace|Draft|\w*Answer|PaymentFact|WebhookNotice)$")
OLD_FUNCTIONS = re.compile(r"^_?(seal|reseal|bury|once_key|open_and_hold|ask_\w+_mail)$")


def test_what_has_a_standard_term_has_no_other_name():
    """Payment expiry, refund execution, schemas, field encryption, rate limiter ...: what an engineer looks for."""
    named = [(path.relative_to(ROOT), path.stem) for path in sources() if path.stem in OLD_MODULES]
    for path in [*sources(), *(ROOT / "tests").rglob("*.py")]:
        for node in nodes(path):
            if isinstance(node, ast.ClassDef) and OLD_CLASSES.match(node.name):
                named.append((path.relative_to(ROOT), node.name))
            if isinstance(node, ast.FunctionDef) and OLD_FUNCTIONS.match(node.name):
                named.append((path.relative_to(ROOT), node.name))
    assert named == []
