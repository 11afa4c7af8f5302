"""Firestore's values: how they are ordered, and how a field is reached by its path.

Order: https://firebase.google.com/docs/firestore/manage-data/data-types#value_type_ordering
"""

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

from google.cloud.firestore_v1.field_path import FieldPath

from infra.local.cloud.failures import Failure
from infra.local.cloud.firestore_protos import Document, Message, Value

SortKey: TypeAlias = tuple[object, ...]

_NUMBER = 2
_RANKS = {
    "null_value": 0,
    "boolean_value": 1,
    "integer_value": _NUMBER,
    "double_value": _NUMBER,
    "timestamp_value": 3,
    "string_value": 4,
    "bytes_value": 5,
    "reference_value": 6,
    "geo_point_value": 7,
    "array_value": 8,
    "map_value": 9,
}
_WITHIN_RANK: dict[str, Callable[[Message], SortKey]] = {
    "null_value": lambda _: (),
    "boolean_value": lambda flag: (flag,),
    "integer_value": lambda integer: (1, integer),
    "double_value": lambda double: (0,) if math.isnan(double) else (1, double),
    "timestamp_value": lambda time: (time.seconds, time.nanos),
    "string_value": lambda string: (string.encode(),),
    "bytes_value": lambda octets: (octets,),
    "reference_value": lambda name: tuple(segment.encode() for segment in name.split("/")),
    "geo_point_value": lambda point: (point.latitude, point.longitude),
    "array_value": lambda array: tuple(sort_key(element) for element in array.values),
    "map_value": lambda fields: tuple((name.encode(), sort_key(fields.fields[name])) for name in sorted(fields.fields)),
}


def rank(value: Message) -> int:
    """The place of the value's type in the order of types; values of one rank can be compared with < and >."""
    return _RANKS[_kind(value)]


def sort_key(value: Message) -> SortKey:
    """A key that sorts as Firestore sorts and is equal where Firestore finds equal: 1 is 1.0, NaN is NaN."""
    kind = _kind(value)
    return (_RANKS[kind], *_WITHIN_RANK[kind](getattr(value, kind)))


def _kind(value: Message) -> str:
    return value.WhichOneof("value_type") or "null_value"


def is_number(value: Message) -> bool:
    """True if the value is an integer or a double."""
    return rank(value) == _NUMBER


def is_nan(value: Message) -> bool:
    """True if the value is the double NaN."""
    return math.isnan(value.double_value)


def is_null(value: Message) -> bool:
    """True if the value is null."""
    return bool(value.WhichOneof("value_type") == "null_value")


def number(value: Message) -> int | float:
    """The Python number of an integer or double value."""
    plain: int | float = getattr(value, value.WhichOneof("value_type"))
    return plain


def number_value(plain: float) -> Message:
    """The value of a Python number: an int stays an integer as long as 64 bits hold it."""
    if isinstance(plain, int) and -(2**63) <= plain < 2**63:
        return Value(integer_value=plain)
    return Value(double_value=plain)


def parts_of(path: str) -> tuple[str, ...]:
    """The names along a field path: a.`b c`.d is a, b c, d. Raises Failure (INVALID_ARGUMENT)."""
    try:
        return tuple(FieldPath.from_api_repr(path).parts)
    except ValueError as error:
        raise Failure.invalid(f"Invalid property path {path!r}: {error}") from None


def field_of(document: Message, path: str) -> Message | None:
    """The value at `path`, or None where the document has no such field; `__name__` is the document itself."""
    if path == "__name__":
        return Value(reference_value=document.name)
    return get_field(document.fields, parts_of(path))


def get_field(fields: Message, parts: Sequence[str]) -> Message | None:
    """The value at the end of `parts`, or None."""
    for part in parts[:-1]:
        if part not in fields:
            return None
        fields = fields[part].map_value.fields
    return fields.get(parts[-1])


def set_field(fields: Message, parts: Sequence[str], value: Message) -> None:
    """Put a copy of `value` at the end of `parts`; what stands in the way and is no map becomes one."""
    for part in parts[:-1]:
        fields[part].map_value.SetInParent()
        fields = fields[part].map_value.fields
    fields[parts[-1]].CopyFrom(value)


def delete_field(fields: Message, parts: Sequence[str]) -> None:
    """Remove the field at the end of `parts` if it is there."""
    for part in parts[:-1]:
        if part not in fields:
            return
        fields = fields[part].map_value.fields
    fields.pop(parts[-1], None)


def masked(document: Message, paths: Sequence[str]) -> Message:
    """The document with nothing but the fields at `paths`."""
    kept = Document(name=document.name, create_time=document.create_time, update_time=document.update_time)
    for path in paths:
        if path != "__name__" and (value := field_of(document, path)) is not None:
            set_field(kept.fields, parts_of(path), value)
    return kept
