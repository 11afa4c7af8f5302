"""Pub/Sub's schemas have the fields of schemas/messages, in a form that a revision may change."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from functions.manifest import manifest
from tests.infra.conftest import ROOT

Fields = dict[str, list[dict[str, Any]]]
AVRO = {
    "string": {"type": "string", "default": ""},
    "integer": {"type": "long", "default": 0},
    "boolean": {"type": "boolean", "default": False},
}


@pytest.fixture
def planned(resources: dict[str, dict[str, Any]]) -> Fields:
    """The fields of each topic's planned schema."""
    schemas = [values for address, values in resources.items() if address.startswith("google_pubsub_schema.")]
    return {schema["name"]: json.loads(schema["definition"])["fields"] for schema in schemas}


def bodies(topic: str) -> Iterator[type[BaseModel]]:
    """The messages that the functions which hear of a topic take."""
    routes = [route for function in manifest().functions.values() for route in function.app().routes]
    for route in routes:
        if route.path == f"/messages/{topic}":
            yield from (each.annotation for each in route.parameters if each.source == "body")


def test_a_field_may_come_or_go_as_each_has_a_default_of_its_type(planned: Fields):
    """An Avro schema resolves as reader and as writer of another only where what one of them lacks has a default."""
    assert set(planned) == set(manifest().topics)
    for topic, fields in planned.items():
        schema = json.loads((ROOT / "schemas" / "messages" / f"{topic}.json").read_text(encoding="utf-8"))
        assert fields == [{"name": name} | AVRO[field["type"]] for name, field in sorted(schema["properties"].items())]


def test_no_function_takes_a_default_for_a_value(planned: Fields):
    for topic, fields in planned.items():
        models = list(bodies(topic))
        assert models, topic
        for model in models:
            for message in ({}, {field["name"]: field["default"] for field in fields}):
                with pytest.raises(ValidationError):
                    model.model_validate(message)
