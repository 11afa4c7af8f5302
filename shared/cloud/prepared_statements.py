"""Prepared statements for pg8000: each statement is prepared once per connection, as psycopg and JDBC do.

pg8000 reads a statement letter by letter for its parameters and has it parsed, described and run in three round trips,
every time. Prepared, it takes one round trip from its second use on, and the server neither parses nor, after a while,
plans it again. For a reservation in a transaction of its own this saves two fifths of our processor time (2.1 to 1.2
ms) and half of its duration (3.7 to 1.9 ms).

A transaction's BEGIN travels with its first statement, as in libpq's pipeline mode: no round trip of its own. If the
BEGIN fails, the server skips the statement.
"""

import logging
import socket
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import lru_cache
from inspect import signature
from struct import Struct
from typing import Any

import pg8000
import pg8000.dbapi
import pg8000.legacy
from pg8000 import core
from pg8000.converters import make_params, timestamptz_in
from pg8000.exceptions import DatabaseError, InterfaceError

MAX_STATEMENTS = 100
"""The number of statements that stay prepared on a connection; the least recently used one is closed first."""

_TIMESTAMPTZ = 1184  # its OID in pg_type
_STALE_CODES = {
    "0A000",  # feature_not_supported: "cached plan must not change result type", after a migration
    "26000",  # invalid_sql_statement_name: something between us and the server has forgotten it
}

_BEGIN = "begin transaction"  # what pg8000 sends before the first statement
_ENDS = ("commit", "rollback")  # how it ends one
_UNNAMED = b"\0"
_INT16, _INT32 = Struct("!H").pack, Struct("!i").pack
_NULL = _INT32(-1)

_convert = pg8000.dbapi.convert_paramstyle
log = logging.getLogger(__name__)


def is_compatible(connection_class: type = core.CoreConnection, convert: Any = _convert) -> bool:
    """True if pg8000 still has the functions that this module calls or replaces, with the same parameters."""
    methods = {
        "execute_simple": ["self", "statement"],
        "execute_unnamed": ["self", "statement", "vals", "oids", "stream"],
        "handle_messages": ["self", "context"],
        "prepare_statement": ["self", "statement", "oids"],
        "close_prepared_statement": ["self", "statement_name_bin"],
    }
    functions = {"_write": ["sock", "d"], "_flush": ["sock"]}
    return (
        _has(connection_class, methods)
        and _has(core, functions)
        and list(signature(core.Context).parameters) == ["statement", "stream", "columns", "input_funcs"]
        and list(signature(convert).parameters) == ["style", "query", "args"]
    )


def _has(place: object, expected: Mapping[str, Sequence[str]]) -> bool:
    found = {name: getattr(place, name, None) for name in expected}
    return all(function and list(signature(function).parameters) == expected[name] for name, function in found.items())


def prepare_statements(connection: Any, _record: object = None) -> None:
    """Make a new pg8000 connection prepare its statements (for SQLAlchemy's event `connect`).

    Where pg8000 has changed, statements run unprepared: slower, and a connection whose answer was not read is not cut.
    """
    if not _IS_ENABLED:
        return
    prepared = _Prepared(connection)
    connection.execute_unnamed, connection.execute_simple = prepared.execute, prepared.execute_simple
    connection.receive_messages, connection.handle_messages = connection.handle_messages, prepared.read_answer
    connection.register_in_adapter(_TIMESTAMPTZ, _moment)


def _moment(value: str) -> Any:
    """A timestamptz, in a ninetieth of the time that strptime takes pg8000. What Python has no date for is text."""
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return timestamptz_in(value)


class _Prepared:
    """The statements that are prepared on a connection, by text and types of their parameters.

    Where an answer is not read to its end, the connection is cut: its next user would read the rest as an answer of
    theirs, and commit what was to be rolled back. The time-out of functions-framework may end a thread anywhere.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._execute_unnamed = connection.execute_unnamed
        self._execute_simple = connection.execute_simple
        self._statements: OrderedDict[Any, Any] = OrderedDict()
        self._begin_waits = False
        self._is_answered = True

    def execute_simple(self, statement: str) -> Any:
        """Run a statement without parameters. A BEGIN waits for the statement that follows it."""
        if statement == _BEGIN and not self._connection.autocommit:
            self._begin_waits = True
            return core.Context(statement)
        with self._whole_answer():
            self._begin()
            return self._send(self._execute_simple, statement)

    def execute(self, statement: str, vals: Sequence[Any] = (), oids: Sequence[int] = (), stream: Any = None) -> Any:
        """Run `statement` with `vals`; the rows are in the context that is returned."""
        if statement in _ENDS:
            return self.execute_simple(statement)
        with self._whole_answer():
            if stream is not None:  # COPY can't be prepared
                self._begin()
                return self._send(self._execute_unnamed, statement, vals=vals, oids=oids, stream=stream)
            return self._execute_prepared(statement, make_params(self._connection.py_types, vals), tuple(oids))

    def read_answer(self, context: Any) -> None:
        """Read the server's answer. Raises its own error, or InterfaceError, "network error", if it can't be read."""
        try:
            self._connection.receive_messages(context)
        except Exception as error:
            if error is not context.error:
                if not isinstance(error, InterfaceError | OSError):  # a value that Python can't hold, say
                    log.exception("database.answer_unread")
                raise InterfaceError("network error") from error
            self._is_answered = True
            raise
        self._is_answered = True

    @contextmanager
    def _whole_answer(self) -> Iterator[None]:
        """Cut the connection if the block ends before the answer does.

        A rollback that follows fails then, and the pool does not give out what `is_cut`.
        """
        if self._connection._sock is None:
            raise InterfaceError("connection is closed")
        try:
            yield
        finally:
            if not self._is_answered:
                self._connection.is_cut = True
                self._connection._transaction_status = core.IN_FAILED_TRANSACTION
                with suppress(AttributeError, OSError):  # it is closed
                    self._connection._usock.shutdown(socket.SHUT_RDWR)

    def _send(self, ask: Callable[..., Any], *what: Any, **more: Any) -> Any:
        self._is_answered = False
        return ask(*what, **more)

    def _execute_prepared(self, statement: str, parameters: Sequence[str | None], oids: tuple[int, ...]) -> Any:
        key = (statement, oids)
        prepared = self._statements.get(key)
        if prepared is None:
            self._begin()
            prepared = self._prepare(key)
        self._statements.move_to_end(key)
        try:
            return self._run(prepared, parameters, statement)
        except DatabaseError as error:
            if error.args[0].get("C") in _STALE_CODES:
                del self._statements[key]
            raise

    def _begin(self) -> None:
        """Send a BEGIN that waits, as the next message can't travel with it."""
        if self._takes_begin():
            self._send(self._execute_simple, _BEGIN)

    def _takes_begin(self) -> bool:
        """True if a BEGIN waits, which the caller sends now. One whose statement was never sent is forgotten."""
        waits, self._begin_waits = self._begin_waits, False
        return waits and not self._connection.autocommit

    def _run(self, prepared: Any, parameters: Sequence[str | None], statement: str) -> Any:
        name, columns, readers = prepared
        messages = _bind(name, parameters) + _EXECUTE + _SYNC
        if self._takes_begin():
            messages = _BEGIN_MESSAGES + messages
        context = core.Context(statement, columns=columns, input_funcs=readers)
        self._is_answered = False
        core._write(self._connection._sock, messages)
        core._flush(self._connection._sock)
        self._connection.handle_messages(context)
        return context

    def _prepare(self, key: tuple[str, tuple[int, ...]]) -> Any:
        if len(self._statements) == MAX_STATEMENTS:
            _, (oldest, *_) = self._statements.popitem(last=False)
            self._send(self._connection.close_prepared_statement, oldest)
        statement, oids = key
        prepared = self._statements[key] = self._send(self._connection.prepare_statement, statement, oids)
        return prepared


def _message(kind: bytes, body: bytes = b"") -> bytes:
    """A message of PostgreSQL's protocol: https://www.postgresql.org/docs/current/protocol-message-formats.html."""
    return kind + _INT32(len(body) + 4) + body


def _bind(name: bytes, parameters: Sequence[str | None]) -> bytes:
    """The message that binds a statement's parameters, which are text or NULL. Results are text."""
    body = [_UNNAMED, name, _INT16(0), _INT16(len(parameters))]
    for parameter in parameters:
        if parameter is None:
            body.append(_NULL)
        else:
            value = parameter.encode()
            body += _INT32(len(value)), value
    return _message(b"B", b"".join((*body, _INT16(0))))


_EXECUTE = _message(b"E", _UNNAMED + _INT32(0))  # all rows
_SYNC = _message(b"S")
_BEGIN_MESSAGES = (
    _message(b"P", _UNNAMED + _BEGIN.encode() + b"\0" + _INT16(0))  # prepared under no name
    + _bind(_UNNAMED, ())
    + _EXECUTE
)


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
