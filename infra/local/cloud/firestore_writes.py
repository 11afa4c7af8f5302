"""One Firestore write to one document: preconditions, field masks, transforms. No storage here."""

import copy
import datetime
import re

import grpc

from infra.local.cloud.failures import Failure
from infra.local.cloud.firestore_protos import Document, Message, WriteResult
from infra.local.cloud.firestore_values import (
    delete_field,
    get_field,
    is_number,
    number,
    number_value,
    parts_of,
    set_field,
)

_RESERVED_ID = re.compile("__.*__")
_INT64 = 2**63
_MAX_BYTES = 1_048_576  # of one document, https://firebase.google.com/docs/firestore/quotas


def target(write: Message) -> str:
    """The full name of the document a write is about."""
    operation = write.WhichOneof("operation")
    name: str = {
        "update": write.update.name,
        "delete": write.delete,
        "transform": write.transform.document,
    }.get(operation, "")
    return name


def check(precondition: Message, name: str, current: Message | None) -> None:
    """Raise Failure (ALREADY_EXISTS, NOT_FOUND or FAILED_PRECONDITION) unless `current` is as asked."""
    match precondition.WhichOneof("condition_type"):
        case "exists" if precondition.exists and current is None:
            raise Failure.not_found(f"No document to update: {name}")
        case "exists" if not precondition.exists and current is not None:
            raise Failure(grpc.StatusCode.ALREADY_EXISTS, f"Document already exists: {name}")
        case "update_time" if current is None or current.update_time != precondition.update_time:
            raise Failure(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"the stored version of {name} does not match the required base version",
            )


def apply(write: Message, current: Message | None, at: datetime.datetime) -> tuple[Message | None, Message]:
    """The document after `write` (None: deleted) and its WriteResult. `current` itself is not changed.

    Raises Failure where a precondition does not hold or the outcome is no valid document.
    """
    check(write.current_document, target(write), current)
    if write.WhichOneof("operation") == "delete":
        return None, WriteResult()
    document = _updated(write, current)
    result = WriteResult()
    for transform in (*write.update_transforms, *write.transform.field_transforms):
        result.transform_results.append(_transform(document.fields, transform))
    _validate(document)
    if current is None:
        document.create_time.FromDatetime(at)
    if current is None or document.fields != current.fields:  # a write that changes nothing is no update
        document.update_time.FromDatetime(at)
    result.update_time.CopyFrom(document.update_time)
    return document, result


def _updated(write: Message, current: Message | None) -> Message:
    document = copy.deepcopy(current) if current is not None else Document(name=target(write))
    if write.HasField("update_mask"):
        for path in write.update_mask.field_paths:
            parts = parts_of(path)
            value = get_field(write.update.fields, parts)
            if value is None:
                delete_field(document.fields, parts)
            else:
                set_field(document.fields, parts, value)
    elif write.WhichOneof("operation") == "update":
        document.ClearField("fields")
        document.MergeFrom(Document(fields=write.update.fields))
    return document


def _transform(fields: Message, transform: Message) -> Message:
    """Change one field and return its new value. Raises Failure (UNIMPLEMENTED) for all but an increment."""
    if transform.WhichOneof("transform_type") != "increment":
        raise Failure(grpc.StatusCode.UNIMPLEMENTED, "of the transforms, increments alone are served locally")
    parts = parts_of(transform.field_path)
    value = _incremented(get_field(fields, parts), transform.increment)
    set_field(fields, parts, value)
    return value


def _incremented(field: Message | None, operand: Message) -> Message:
    if field is None or not is_number(field):
        return operand
    total = number(field) + number(operand)
    return number_value(max(-_INT64, min(_INT64 - 1, total)) if isinstance(total, int) else total)


def _validate(document: Message) -> None:
    _validate_name(document.name)
    if document.ByteSize() > _MAX_BYTES:
        raise Failure.invalid(f"Document {document.name} is larger than {_MAX_BYTES:,} bytes")
    for value in document.fields.values():
        _refuse_nested_arrays(value)


def _validate_name(name: str) -> None:
    match name.split("/"):
        case ["projects", _, "databases", _, "documents", *segments] if segments and len(segments) % 2 == 0:
            for segment in segments:
                if segment in ("", ".", "..") or _RESERVED_ID.fullmatch(segment):
                    raise Failure.invalid(f"Resource id {segment!r} is invalid: {name}")
        case _:
            raise Failure.invalid(f"Not the name of a document: {name}")


def _refuse_nested_arrays(value: Message) -> None:
    for element in value.array_value.values:
        if element.WhichOneof("value_type") == "array_value":
            raise Failure.invalid("Nested arrays are not allowed")
        _refuse_nested_arrays(element)
    for field in value.map_value.fields.values():
        _refuse_nested_arrays(field)
