"""Prepared statements for pg8000: each statement is prepared once per connection, as psycopg and JDBC do.

pg8000 reads a statement letter by letter for its parameters and has it parsed, described and run in three round trips,
every time. Prepared, it takes one round trip from its second use on, and the server neither parses nor, after a while,
plans it again. For a reservation in a transaction of its own this saves two fifths of our processor time (2.1 to 1.2
ms) and half of its duration (3.7 to 1.9 ms).
"""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from inspect import signature
from typing import Any

import pg8000
import pg8000.dbapi
import pg8000.legacy
from pg8000.converters import make_params
from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError

MAX_STATEMENTS = 100
"""The number of statements that stay prepared on a connection; the least recently used one is closed first."""

_TIMESTAMPTZ = 1184  # its OID in pg_type
_STALE_CODES = {
    "0A000",  # feature_not_supported: "cached plan must not change result type", after a migration
    "26000",  # invalid_sql_statement_name: something between us and the server has forgotten it
}

_convert = pg8000.dbapi.convert_paramstyle
log = logging.getLogger(__name__)


def is_compatible(connection_class: type = CoreConnection, convert: Any = _convert) -> bool:
    """True if pg8000 still has the functions that this module calls or replaces, with the same parameters."""
    expected = {
        "execute_unnamed": ["self", "statement", "vals", "oids", "stream"],
        "execute_named": ["self", "statement_name_bin", "params", "columns", "input_funcs", "statement"],
        "prepare_statement": ["self", "statement", "oids"],
        "close_prepared_statement": ["self", "statement_name_bin"],
    }
    found = {name: getattr(connection_class, name, None) for name in expected}
    return list(signature(convert).parameters) == ["style", "query", "args"] and all(
        function and list(signature(function).parameters) == expected[name] for name, function in found.items()
    )


def prepare_statements(connection: Any, _record: object = None) -> None:
    """Make a new pg8000 connection prepare its statements (for SQLAlchemy's event `connect`).

    Where pg8000 has changed, statements run unprepared: correct, but slower.
    """
    if not _IS_ENABLED:
        return
    connection.execute_unnamed = _Prepared(connection).execute
    connection.register_in_adapter(
        _TIMESTAMPTZ, datetime.fromisoformat
    )  # strptime, pg8000's way, takes 90 times as long


class _Prepared:
    """The statements that are prepared on a connection, by text and types of their parameters."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._execute_unnamed = connection.execute_unnamed
        self._statements: OrderedDict[Any, Any] = OrderedDict()

    def execute(self, statement: str, vals: Sequence[Any] = (), oids: Sequence[int] = (), stream: Any = None) -> Any:
        """Run `statement` with `vals`; the rows are in the context that is returned."""
        if stream is not None:  # COPY can't be prepared
            return self._execute_unnamed(statement, vals=vals, oids=oids, stream=stream)
        key = (statement, tuple(oids))
        name, columns, readers = self._statements.get(key) or self._prepare(key)
        self._statements.move_to_end(key)
        try:
            parameters = make_params(self._connection.py_types, vals)
            return self._connection.execute_named(name, parameters, columns, readers, statement)
        except DatabaseError as error:
            if error.args[0].get("C") in _STALE_CODES:
                del self._statements[key]
            raise

    def _prepare(self, key: tuple[str, tuple[int, ...]]) -> Any:
        if len(self._statements) == MAX_STATEMENTS:
            _, (oldest, *_) = self._statements.popitem(last=False)
            self._connection.close_prepared_statement(oldest)
        statement, oids = key
        prepared = self._statements[key] = self._connection.prepare_statement(statement, oids)
        return prepared


@lru_cache(maxsize=1000)
def _numbered(query: str) -> str:
    statement, _ = _convert("format", query, ())
    return str(statement)


def _convert_once(style: str, query: str, args: Any) -> Any:
    """Replace `%s` by `$1`, ... as pg8000 does, but once for each statement text."""
    return (_numbered(query), args) if style == "format" else _convert(style, query, args)


_IS_ENABLED = is_compatible()
if _IS_ENABLED:  # there is no hook for it. SQLAlchemy speaks to pg8000.legacy, Cloud SQL's connector to pg8000.dbapi
    pg8000.dbapi.convert_paramstyle = pg8000.legacy.convert_paramstyle = _convert_once
else:
    log.warning("database.statements_not_prepared", extra={"pg8000": pg8000.__version__})
