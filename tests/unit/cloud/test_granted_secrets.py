"""A function gets no secret that its code never reads (SEC-007)."""

import ast
from functools import cache
from pathlib import Path

import pytest

from functions.manifest import Function, manifest
from schemas.database_roles import file_of, imports_of
from tests.sources import nodes, parsed

REGISTRY = "shared.gateways.registry"
"""Most functions import it; what they call of it tells which keys they read."""


@pytest.mark.parametrize("function", manifest().functions.values(), ids=lambda function: function.name)
def test_every_secret_of_a_function_is_read_by_its_code(function: Function):
    modules = imports_of(f"functions.{function.name}.main") - {REGISTRY}
    assert set(function.secrets) - {secret for module in modules for secret in _read_by(module)} == set()


def test_the_site_alone_reads_the_key_of_midtrans_s_popup():
    assert "midtrans-client-key" in _read_by("shared.site.snap_popup")
    assert "midtrans-client-key" not in _read_by("shared.payments.checkout")


@cache
def _read_by(module: str) -> frozenset[str]:
    """The secrets that a module names itself, and those of the gateways' clients that it takes from the registry."""
    tree = nodes(_file(module))
    named = {node.value for node in tree if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    clients = {node.attr for node in tree if _is_of_registry(node)}
    return frozenset(named | {secret for client in clients for secret in _read_by_clients()[client]})


def _is_of_registry(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "registry"


@cache
def _read_by_clients() -> dict[str, frozenset[str]]:
    """The secrets that each function and value of the registry reads, by those that it names in turn too."""
    statements = {name: statement for statement in parsed(_file(REGISTRY)).body for name in _defined(statement)}

    def read(name: str) -> frozenset[str]:
        within = list(ast.walk(statements[name]))
        texts = {node.value for node in within if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        others = {node.id for node in within if isinstance(node, ast.Name)} & set(statements) - {name}
        return frozenset(texts).union(*map(read, others))

    return {name: read(name) for name in statements}


def _defined(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _file(module: str) -> Path:
    found = file_of(module)
    assert found
    return found
