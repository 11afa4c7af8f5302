"""Functions are short and modules import each other in no circle."""

import ast
import statistics
from pathlib import Path

import grimp
import pytest

from tests.sources import nodes

ROOT = Path(__file__).parents[3]
MEDIAN_LINES, P90_LINES, MAX_LINES = 5, 15, 47
"""The most lines that a function of the product may have, from `def` to its end."""


def lengths() -> dict[str, int]:
    """The lines of every function of the product, by file and name."""
    files = [file for folder in ("shared", "functions") for file in (ROOT / folder).rglob("*.py")]
    return {
        f"{file.relative_to(ROOT)}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for file in files
        for node in nodes(file)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    graph = grimp.build_graph("shared", "functions", "infra", "schemas", cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def test_functions_are_short():
    found = lengths()
    assert statistics.median(found.values()) <= MEDIAN_LINES
    assert statistics.quantiles(found.values(), n=10)[8] <= P90_LINES
    assert {name: lines for name, lines in found.items() if lines > MAX_LINES} == {}


def test_no_modules_import_each_other_in_a_circle(imports: dict[str, set[str]]):
    left = dict(imports)
    while free := {module for module, imported in left.items() if not imported & left.keys()}:
        left = {module: imported for module, imported in left.items() if module not in free}
    assert sorted(left) == []
