"""The product's Python sources, each parsed once in a test process."""

import ast
from functools import cache
from pathlib import Path


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file. It is shared: nobody may change it."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of that tree, in the order of `ast.walk`."""
    return tuple(ast.walk(parsed(path)))
