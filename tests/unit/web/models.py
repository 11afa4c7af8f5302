"""All models that callers send, and every field of them: out of the routes that the OpenAPI document describes."""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

from functions.manifest import manifest
from shared.models import Query


def request_models() -> list[type[BaseModel]]:
    """Every body and query of an operation that people may call, and what these consist of."""
    found: dict[type[BaseModel], None] = {}
    for function in manifest().functions.values():
        if function.is_public:
            for route in function.app().routes:
                if route.kind == "http":
                    _add(found, route.body)
                    _add(found, route.query)
    return list(found)


def fields(model: type[BaseModel]) -> Iterator[tuple[str, dict[str, Any]]]:
    """A model's fields by the names that callers write, each with its JSON schema; `null` and references resolved."""
    schema = model.model_json_schema()
    for name, declared in schema["properties"].items():
        yield name, _resolved(declared, schema.get("$defs", {}))


def load(model: type[BaseModel], given: dict[str, Any], written: str) -> BaseModel:
    """The model out of JSON or, for a query, out of strings."""
    if issubclass(model, Query):
        return model.model_validate_strings(given)
    return model.model_validate_json(written)


def _add(found: dict[type[BaseModel], None], annotation: Any) -> None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in found:
        found[annotation] = None
        for field in annotation.model_fields.values():
            _add(found, field.annotation)
    for part in get_args(annotation):
        _add(found, part)


def _resolved(declared: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    is_nullable = False
    if "anyOf" in declared:
        [one] = [each for each in declared["anyOf"] if each != {"type": "null"}]
        declared, is_nullable = one, True
    if "$ref" in declared:
        declared = definitions[declared["$ref"].rpartition("/")[2]]
    return {**declared, "nullable": is_nullable}
