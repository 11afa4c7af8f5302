"""Writes schemas/database_roles.json: what each function may do with which table, read from the code that it imports.

A function's privileges are those that the statements of its modules need: of main.py and of everything that this
imports, triggers included. What a function can't import, it may not touch: reserve reads no payouts.
`infra/deploy/privileges.py` gives each function's role these privileges, and never more than `karcis_app` has.
"""

import ast
import json
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from functions.manifest import manifest
from schemas.generated import keep

ROOT = Path(__file__).parents[1]
FILE = Path(__file__).parent / "database_roles.json"
SCHEMA = Path(__file__).parent / "schema.sql"
PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE")
OF_ALL_TABLES = "shared.privacy"
"""The packages whose importers delete and export people's data from tables that are named in data, not in SQL."""

TablePrivileges = Mapping[str, frozenset[str]]
"""Table to privileges."""

_SQL = re.compile(r"\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|FROM|JOIN)\b")
_WRITES = (
    ("INSERT", re.compile(r"\bINSERT INTO (?:public\.)?(\w+)")),
    ("UPDATE", re.compile(r"\bINSERT INTO (?:public\.)?(\w+)(?=[^;]*?\bDO UPDATE\b)", re.DOTALL)),
    ("UPDATE", re.compile(r"(?<!DO )(?<!FOR )(?<!KEY )\bUPDATE (?:ONLY )?(?:public\.)?(\w+)")),
    ("DELETE", re.compile(r"\bDELETE FROM (?:public\.)?(\w+)")),
)
_LOCKS = re.compile(r"\bFOR (?:NO KEY UPDATE|UPDATE|SHARE|KEY SHARE)\b")
_UNKNOWN_TABLE = re.compile(r"\b(?:INSERT INTO|(?<!DO )(?<!FOR )(?<!KEY )UPDATE|DELETE FROM)\s+\?")
_TRIGGER = re.compile(
    r"^CREATE (?:CONSTRAINT )?TRIGGER \w+ (.*?) ON public\.(\w+) .*?EXECUTE FUNCTION public\.(\w+)\(", re.M
)
_BODY = re.compile(r"^CREATE FUNCTION public\.(\w+)\((.*?)AS \$\$(.*?)\$\$;", re.MULTILINE | re.DOTALL)


def roles() -> dict[str, TablePrivileges]:
    """The privileges of each function of the manifest."""
    return {name: privileges_of(f"functions.{name}.main") for name in manifest().functions}


def privileges_of(module: str) -> TablePrivileges:
    """The privileges that a module needs with all that it imports."""
    reached = imports_of(module)
    if any(name == OF_ALL_TABLES or name.startswith(f"{OF_ALL_TABLES}.") for name in reached):
        return {table: frozenset(PRIVILEGES) for table in sorted(tables())}
    needed: set[tuple[str, str]] = set()
    for each in reached:
        needed |= _of_module(each)
    return _sorted(_with_triggers(needed))


def imports_of(module: str) -> set[str]:
    """A module and every module of ours that it imports, directly or not."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        each = waiting.pop()
        if each not in seen:
            seen.add(each)
            waiting += _imports(each)
    return seen


@cache
def tables() -> frozenset[str]:
    """Every table of the schema."""
    return frozenset(re.findall(r"^CREATE TABLE public\.(\w+)", _schema(), re.MULTILINE)) - {"alembic_version"}


def privileges_in(sql: str) -> set[tuple[str, str]]:
    """The pairs of privilege and table that a statement, or a part of one, needs: what it names it reads, at least."""
    named = tables().intersection(re.findall(r"\w+", sql))
    found = {("SELECT", table) for table in named}
    if _LOCKS.search(sql):
        found |= {("UPDATE", table) for table in named}
    for privilege, pattern in _WRITES:
        found |= {(privilege, table) for table in pattern.findall(sql) if table in named}
    return found


def _with_functions(sql: str) -> set[tuple[str, str]]:
    """The privileges of a statement and of the functions of the schema that it calls."""
    return privileges_in(_with_called(sql))


def _of_module(module: str) -> set[tuple[str, str]]:
    """The privileges that a module's statements need. Raises LookupError where one changes a table without its name."""
    for sql in _statements(module):
        if _UNKNOWN_TABLE.search(sql):
            raise LookupError(f"{module} changes a table that only a value names: {' '.join(sql.split())[:100]}")
    return {pair for sql in _statements(module) for pair in _with_functions(sql)}


@cache
def _statements(module: str) -> tuple[str, ...]:
    return tuple(text for text in _texts(_tree(module)) if _SQL.search(text))


def _texts(tree: ast.AST) -> Iterator[str]:
    """The strings of a module, those with values in them as one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else " ? " for part in node.values)


@cache
def _imports(module: str) -> tuple[str, ...]:
    found = set()
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return tuple(sorted(name for name in found if name.startswith(("shared", "functions")) and file_of(name)))


@cache
def _tree(module: str) -> ast.Module:
    file = file_of(module)
    if file is None:
        raise LookupError(module)
    return ast.parse(file.read_text(encoding="utf-8"))


@cache
def file_of(module: str) -> Path | None:
    """The source of a module of ours; None where there is none."""
    path = ROOT / module.replace(".", "/")
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()), None)


def _with_triggers(needed: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The privileges, and those of the triggers that they set off, and of theirs in turn."""
    while True:
        more = {pair for event, table, pairs in _triggers() if (event, table) in needed for pair in pairs}
        if more <= needed:
            return needed
        needed = needed | more


@cache
def _triggers() -> tuple[tuple[str, str, frozenset[tuple[str, str]]], ...]:
    """Each event of a trigger: the privilege that sets it off, its table, and what its function needs."""
    bodies = {name: _with_called(body) for name, body in _functions().items()}
    return tuple(
        (event, table, frozenset(privileges_in(bodies[function])))
        for events, table, function in _TRIGGER.findall(_schema())
        for event in PRIVILEGES
        if re.search(rf"\b{event}\b", events)
    )


@cache
def _functions() -> dict[str, str]:
    """The text of each function of the schema; empty of one that acts with its owner's rights, not its caller's."""
    found = _BODY.findall(_schema())
    return {name: "" if "SECURITY DEFINER" in head else body for name, head, body in found}


def _with_called(body: str) -> str:
    """A function's text, with those of the functions that it calls."""
    called = [other for name, other in _functions().items() if re.search(rf"\b{name}\(", body) and other != body]
    return "\n".join([body, *map(_with_called, called)])


@cache
def _schema() -> str:
    return SCHEMA.read_text(encoding="utf-8")


def _sorted(needed: set[tuple[str, str]]) -> TablePrivileges:
    return {
        table: frozenset(privilege for privilege, of in needed if of == table)
        for table in sorted({t for _, t in needed})
    }


def written() -> str:
    """The file's content."""
    document = {
        name: {table: [each for each in PRIVILEGES if each in held] for table, held in privileges.items()}
        for name, privileges in roles().items()
    }
    lines = [
        f"  {json.dumps(name)}: {{\n"
        + ",\n".join(f"    {json.dumps(table)}: {json.dumps(held)}" for table, held in privileges.items())
        + "\n  }"
        for name, privileges in document.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> int:
    """Write the file, or with --check tell whether it is current."""
    return keep(FILE, written(), "python -m schemas.database_roles")


if __name__ == "__main__":
    sys.exit(main())
