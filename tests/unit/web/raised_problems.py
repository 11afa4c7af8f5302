"""The problems that a handler can raise, read from the source: an approximation that follows calls by name.

A call is followed to the function, or to the class's method, that its name means in that file; a method of an object
is followed where one class of the product alone has a method of that name. What is raised within a `try` that catches
it is left out. Problems that are returned as values and raised later are not seen.
"""

import ast
import builtins
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import functions
import shared
from shared.problems import Problem
from tests.sources import parsed

Key = tuple[str, str]
"""A module and the qualified name of a function in it."""


@dataclass
class Function:
    """A function of the product: what it raises itself, and what it calls."""

    raises: set[type[Problem]] = field(default_factory=set)
    calls: list[tuple[Key, tuple[type[BaseException], ...]]] = field(default_factory=list)
    """Each callee, with the exceptions that are caught around the call."""


@cache
def raised_by(module: str, name: str, *, told_by: str = "") -> frozenset[type[Problem]]:
    """The problems that a function can raise, by itself or by what it calls.

    What is caught in modules whose names begin with `told_by` counts as raised: there it is caught to be told.
    """
    seen: dict[Key, set[type[Problem]]] = {}

    def visit(key: Key) -> set[type[Problem]]:
        if key in seen:
            return seen[key]
        seen[key] = found = set()
        function = program(told_by).get(key)
        if function is None:
            return found
        found |= function.raises
        for callee, caught in function.calls:
            found |= {problem for problem in visit(callee) if not issubclass(problem, caught)}
        return found

    return frozenset(visit((module, name)))


@cache
def program(told_by: str = "") -> dict[Key, Function]:
    """Every function of the product; of modules whose names begin with `told_by`, as if they caught nothing."""
    readers = [
        _Reader(module, heeds_catches=not (told_by and module.__name__.startswith(told_by))) for module in _modules()
    ]
    return {key: function for reader in readers for key, function in reader.functions()}


@cache
def _modules() -> tuple[ModuleType, ...]:
    names = [
        found.name
        for package in (shared, functions)
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not found.ispkg and not found.name.endswith("_command")
    ]
    return tuple(importlib.import_module(name) for name in names)


@cache
def _methods() -> dict[str, set[Key]]:
    """The methods of the product's own classes, by name."""
    found: dict[str, set[Key]] = {}
    for module in _modules():
        for each in vars(module).values():
            if isinstance(each, type) and each.__module__ == module.__name__:
                for name in vars(each):
                    found.setdefault(name, set()).add((module.__name__, f"{each.__name__}.{name}"))
    return found


class _Reader:
    def __init__(self, module: ModuleType, *, heeds_catches: bool) -> None:
        self.module = module
        self.heeds_catches = heeds_catches
        self.names = {**vars(builtins), **vars(module)}

    def functions(self) -> Iterator[tuple[Key, Function]]:
        assert self.module.__file__
        for node in parsed(Path(self.module.__file__)).body:
            if isinstance(node, ast.FunctionDef):
                yield (self.module.__name__, node.name), self._read(node)
            if isinstance(node, ast.ClassDef):
                for each in node.body:
                    if isinstance(each, ast.FunctionDef):
                        yield (self.module.__name__, f"{node.name}.{each.name}"), self._read(each)

    def _read(self, node: ast.FunctionDef) -> Function:
        function = Function()
        for statement in node.body:
            self._walk(statement, (), function)
        return function

    def _walk(self, node: ast.AST, caught: tuple[type[BaseException], ...], into: Function) -> None:
        if isinstance(node, ast.Try):
            inner = caught + tuple(each for handler in node.handlers for each in self._caught(handler))
            for statement in node.body:
                self._walk(statement, inner, into)
            for statement in [*node.handlers, *node.orelse, *node.finalbody]:
                self._walk(statement, caught, into)
            return
        if isinstance(node, ast.With) and any(self._is_suppress(each.context_expr) for each in node.items):
            suppressed = [self._value(name) for each in node.items for name in getattr(each.context_expr, "args", [])]
            caught += tuple(each for each in suppressed if isinstance(each, type))
        if isinstance(node, ast.Raise) and node.exc is not None:
            problem = self._problem(node.exc)
            if problem and not issubclass(problem, caught):
                into.raises.add(problem)
        if isinstance(node, ast.Call):
            into.calls += [(key, caught) for key in self._callees(node.func)]
        for child in ast.iter_child_nodes(node):
            self._walk(child, caught, into)

    def _caught(self, handler: ast.ExceptHandler) -> list[type[BaseException]]:
        """The problems that a handler catches and does not raise again as they were."""
        if not self.heeds_catches:
            return []
        if any(isinstance(each, ast.Raise) and each.exc is None for each in ast.walk(handler)):
            return []
        value = self._value(handler.type) if handler.type else BaseException
        return [each for each in (value if isinstance(value, tuple) else (value,)) if isinstance(each, type)]

    def _is_suppress(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "suppress"

    def _problem(self, node: ast.expr) -> type[Problem] | None:
        """The class behind `raise X`, `raise X(...)` and `raise X.made(...)`."""
        while isinstance(node, ast.Call):
            node = node.func
        value = self._value(node)
        if value is None and isinstance(node, ast.Attribute):
            value = self._value(node.value)
        value = getattr(value, "__self__", value)
        return value if isinstance(value, type) and issubclass(value, Problem) else None

    def _callees(self, node: ast.expr) -> Iterator[Key]:
        value = self._value(node)
        if value is not None:
            value = getattr(value, "__wrapped__", value)
            module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
            if module and name and not isinstance(value, type):
                yield str(module), str(name)
        elif isinstance(node, ast.Attribute) and len(_methods().get(node.attr, ())) == 1:
            yield from _methods()[node.attr]

    def _value(self, node: ast.expr) -> Any:
        """The value of an expression of names and attributes in this module; None where that is not known."""
        if isinstance(node, ast.Tuple):
            return tuple(self._value(each) for each in node.elts)
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute):
            base = self._value(node.value)
            return getattr(base, node.attr, None) if isinstance(base, ModuleType | type) else None
        return None
