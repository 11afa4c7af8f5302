"""Bodies that an OpenAPI document allows, with ids that the test chooses wherever an id is due."""

import re
from collections.abc import Mapping
from typing import Any

FORMATS = {
    "uuid": "00000000-0000-4000-8000-000000000000",
    "date-time": "2031-05-01T12:00:00Z",
    "date": "2031-05-01",
    "email": "somebody@example.com",
    "uri": "https://example.com/",
}
TEXTS = ("123456", "12345678", "Kata", "kata-kata", "Rahasia-123!", "+628123456789")


class Specimen:
    """The smallest JSON that the schemas of `document` allow. `ids` are values by property name."""

    def __init__(self, document: Mapping[str, Any], ids: Mapping[str, Any]) -> None:
        self._document = document
        self._ids = ids
        self.named: set[str] = set()
        """The ids that have been put in so far."""

    def body(self, operation: Mapping[str, Any]) -> Any:
        """A body for an operation; None where it takes none."""
        content = operation.get("requestBody", {}).get("content", {})
        return self._value("body", content["application/json"]["schema"]) if "application/json" in content else None

    def _value(self, name: str, schema: Mapping[str, Any]) -> Any:
        if "$ref" in schema:
            return self._value(name, self._document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
        for choice in ("anyOf", "oneOf", "allOf"):
            if choice in schema:
                return self._value(name, next(each for each in schema[choice] if each.get("type") != "null"))
        if name in self._ids:
            self.named.add(name)
            return self._ids[name]
        if "const" in schema or "enum" in schema:
            return schema.get("const", schema.get("enum", [None])[0])
        return getattr(self, f"_{schema.get('type', 'object')}")(name, schema)

    def _object(self, name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
        properties = schema.get("properties", {})
        wanted = set(schema.get("required", [])) | (set(properties) & set(self._ids))
        chosen = wanted or set(list(properties)[:1])  # an empty change is no request
        return {each: self._value(each, properties[each]) for each in properties if each in chosen}

    def _array(self, name: str, schema: Mapping[str, Any]) -> list[Any]:
        return [self._value(name, schema["items"])] if schema.get("minItems") else []

    def _string(self, name: str, schema: Mapping[str, Any]) -> str:
        texts = [FORMATS[schema["format"]]] if schema.get("format") in FORMATS else TEXTS
        pattern, least = schema.get("pattern", ""), schema.get("minLength", 0)
        return next(text for text in texts if re.search(pattern, text) and len(text) >= least)

    def _integer(self, name: str, schema: Mapping[str, Any]) -> int:
        return int(schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1))

    _number = _integer

    def _boolean(self, name: str, schema: Mapping[str, Any]) -> bool:
        return True
