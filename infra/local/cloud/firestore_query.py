"""Firestore's structured queries over documents in memory: filter, order, cursors, limits, aggregations."""

import functools
import operator
from collections.abc import Callable, Iterable, Sequence

import grpc
from sqlalchemy import Connection

from infra.local.cloud import firestore_documents
from infra.local.cloud.failures import Failure
from infra.local.cloud.firestore_protos import Message, StructuredQuery, Value
from infra.local.cloud.firestore_values import (
    SortKey,
    field_of,
    is_nan,
    is_null,
    is_number,
    masked,
    number,
    number_value,
    rank,
    sort_key,
)

_FieldFilter = StructuredQuery.FieldFilter
_UnaryFilter = StructuredQuery.UnaryFilter
_Composite = StructuredQuery.CompositeFilter
_DESCENDING = StructuredQuery.DESCENDING


def _compared(holds: Callable[[SortKey, SortKey], bool]) -> Callable[[Message, Message], bool]:
    """A test by order, which only values of one type can pass."""
    return lambda field, bound: rank(field) == rank(bound) and holds(sort_key(field), sort_key(bound))


def _keys(array: Message) -> list[SortKey]:
    return [sort_key(element) for element in array.array_value.values]


_FIELD_TESTS: dict[int, Callable[[Message, Message], bool]] = {
    _FieldFilter.EQUAL: lambda field, wanted: sort_key(field) == sort_key(wanted),
    _FieldFilter.NOT_EQUAL: lambda field, wanted: not is_null(field) and sort_key(field) != sort_key(wanted),
    _FieldFilter.LESS_THAN: _compared(operator.lt),
    _FieldFilter.LESS_THAN_OR_EQUAL: _compared(operator.le),
    _FieldFilter.GREATER_THAN: _compared(operator.gt),
    _FieldFilter.GREATER_THAN_OR_EQUAL: _compared(operator.ge),
    _FieldFilter.IN: lambda field, wanted: sort_key(field) in _keys(wanted),
    _FieldFilter.NOT_IN: lambda field, wanted: not is_null(field) and sort_key(field) not in _keys(wanted),
    _FieldFilter.ARRAY_CONTAINS: lambda field, wanted: sort_key(wanted) in _keys(field),
    _FieldFilter.ARRAY_CONTAINS_ANY: lambda field, wanted: any(key in _keys(field) for key in _keys(wanted)),
}
_UNARY_TESTS: dict[int, Callable[[Message], bool]] = {
    _UnaryFilter.IS_NULL: is_null,
    _UnaryFilter.IS_NAN: is_nan,
    _UnaryFilter.IS_NOT_NULL: lambda field: not is_null(field),
    _UnaryFilter.IS_NOT_NAN: lambda field: not is_null(field) and not is_nan(field),
}
_INEQUALITIES = {
    _FieldFilter.LESS_THAN,
    _FieldFilter.LESS_THAN_OR_EQUAL,
    _FieldFilter.GREATER_THAN,
    _FieldFilter.GREATER_THAN_OR_EQUAL,
    _FieldFilter.NOT_EQUAL,
    _FieldFilter.NOT_IN,
}
_UNARY_INEQUALITIES = {_UnaryFilter.IS_NOT_NAN, _UnaryFilter.IS_NOT_NULL}


def find(tx: Connection, parent: str, query: Message) -> list[Message]:
    """The documents a structured query finds under `parent`, whole and in its order."""
    source = _source(query)
    scanned = firestore_documents.scan(tx, parent, source.collection_id, descendants=source.all_descendants)
    return results(query, scanned)


def _source(query: Message) -> Message:
    [source] = query.from_ or [StructuredQuery.CollectionSelector()]
    return source


def results(query: Message, documents: Iterable[Message]) -> list[Message]:
    """The documents a structured query answers with, in its order, whole (see `projected`)."""
    if query.HasField("find_nearest"):
        raise Failure(grpc.StatusCode.UNIMPLEMENTED, "find_nearest is not served locally")
    order = _Order(query)
    found = [document for document in documents if matches(query.where, document) and order.covers(document)]
    found.sort(key=functools.cmp_to_key(order.compare))
    if query.HasField("start_at"):
        start, least = query.start_at, 0 if query.start_at.before else 1
        found = [document for document in found if order.compare_to_cursor(document, start) >= least]
    if query.HasField("end_at"):
        end, most = query.end_at, -1 if query.end_at.before else 0
        found = [document for document in found if order.compare_to_cursor(document, end) <= most]
    last = query.offset + query.limit.value if query.HasField("limit") else None
    return found[query.offset : last]


def projected(query: Message, document: Message) -> Message:
    """The document with the fields the query selects, all of them if it selects none."""
    if not query.HasField("select"):
        return document
    return masked(document, [field.field_path for field in query.select.fields])


def matches(where: Message, document: Message) -> bool:
    """True if `document` passes a filter; an unset filter lets everything pass."""
    match where.WhichOneof("filter_type"):
        case "composite_filter":
            combine = all if where.composite_filter.op == _Composite.AND else any
            return combine(matches(part, document) for part in where.composite_filter.filters)
        case "field_filter":
            return _matches_field(where.field_filter, document)
        case "unary_filter":
            return _matches_unary(where.unary_filter, document)
        case _:
            return True


def _matches_field(condition: Message, document: Message) -> bool:
    field = field_of(document, condition.field.field_path)
    return field is not None and _FIELD_TESTS[condition.op](field, condition.value)


def _matches_unary(condition: Message, document: Message) -> bool:
    field = field_of(document, condition.field.field_path)
    return field is not None and _UNARY_TESTS[condition.op](field)


class _Order:
    """The full order of a query: what it asks for, then its other inequality fields, then the document's name."""

    def __init__(self, query: Message) -> None:
        self._fields = [(order.field.field_path, _sign(order)) for order in query.order_by]
        last_sign = self._fields[-1][1] if self._fields else 1
        named = {path for path, _ in self._fields}
        implied = sorted(set(_inequality_paths(query.where)) - named - {"__name__"})
        self._fields += [(path, last_sign) for path in implied]
        if "__name__" not in named:
            self._fields.append(("__name__", last_sign))

    def covers(self, document: Message) -> bool:
        """True if the document has every field of the order; one that lacks a field is in no result."""
        return all(field_of(document, path) is not None for path, _ in self._fields)

    def compare(self, left: Message, right: Message) -> int:
        """Less than, equal to or greater than zero, as `left` comes before or after `right`."""
        return self._compare(self._position(left), self._position(right))

    def compare_to_cursor(self, document: Message, cursor: Message) -> int:
        """Compare a document with a cursor, which may name only the first fields of the order."""
        if len(cursor.values) > len(self._fields):
            raise Failure.invalid("a cursor has more values than the query's order")
        return self._compare(self._position(document), [sort_key(value) for value in cursor.values])

    def _position(self, document: Message) -> list[SortKey]:
        return [sort_key(field_of(document, path)) for path, _ in self._fields]

    def _compare(self, left: Sequence[SortKey], right: Sequence[SortKey]) -> int:
        for (_, sign), one, other in zip(self._fields, left, right, strict=False):
            if one != other:
                return sign if one > other else -sign
        return 0


def _sign(order: Message) -> int:
    return -1 if order.direction == _DESCENDING else 1


def _inequality_paths(where: Message) -> Iterable[str]:
    match where.WhichOneof("filter_type"):
        case "composite_filter":
            for part in where.composite_filter.filters:
                yield from _inequality_paths(part)
        case "field_filter" if where.field_filter.op in _INEQUALITIES:
            yield where.field_filter.field.field_path
        case "unary_filter" if where.unary_filter.op in _UNARY_INEQUALITIES:
            yield where.unary_filter.field.field_path


def aggregates(aggregations: Sequence[Message], documents: Sequence[Message]) -> dict[str, Message]:
    """The value of each aggregation under its alias, `field_1` and so on where it has none."""
    return {
        aggregation.alias or f"field_{place}": _aggregate(aggregation, documents)
        for place, aggregation in enumerate(aggregations, start=1)
    }


def _aggregate(aggregation: Message, documents: Sequence[Message]) -> Message:
    match aggregation.WhichOneof("operator"):
        case "count":
            count = len(documents)
            limited = aggregation.count.HasField("up_to")
            return Value(integer_value=min(count, aggregation.count.up_to.value) if limited else count)
        case "sum":
            return number_value(sum(_numbers(aggregation.sum.field.field_path, documents)))
        case _:
            numbers = _numbers(aggregation.avg.field.field_path, documents)
            return Value(double_value=sum(numbers) / len(numbers)) if numbers else Value(null_value=0)


def _numbers(path: str, documents: Sequence[Message]) -> list[int | float]:
    fields = (field_of(document, path) for document in documents)
    return [number(field) for field in fields if field is not None and is_number(field)]
