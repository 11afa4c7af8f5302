"""Firestore's values: numbers, and how a field is reached by its path."""

from collections.abc import Sequence

from google.cloud.firestore_v1.field_path import FieldPath

from infra.local.cloud.failures import Failure
from infra.local.cloud.firestore_protos import Document, Message, Value


def is_number(value: Message) -> bool:
    """True if the value is an integer or a double."""
    return value.WhichOneof("value_type") in ("integer_value", "double_value")


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
        if path != "__name__" and (value := get_field(document.fields, parts_of(path))) is not None:
            set_field(kept.fields, parts_of(path), value)
    return kept
