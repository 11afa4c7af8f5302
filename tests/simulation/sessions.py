"""A session of PostgreSQL under the simulation: it sees virtual time, and has the rights of the running function."""

from collections.abc import Callable
from typing import Any

from pg8000.core import IN_TRANSACTION, READY_FOR_QUERY, Context
from pg8000.exceptions import InterfaceError

from tests.simulation.clock import Clock

_CHUNK_BYTES = 1 << 16
_TRANSACTION_CONTROL = ("begin", "commit", "rollb", "savep", "relea")


class Session:
    """Takes the place of a pg8000 connection's ways to run a statement.

    The time and the role are told with each BEGIN, and before a statement outside of a transaction, where they have
    changed. What is told travels with the statement that follows: a round trip costs more than most statements here.
    """

    def __init__(self, connection: Any, clock: Clock, role: Callable[[], str], *, prepares_all: bool) -> None:
        self._connection, self._clock, self._role, self._prepares_all = connection, clock, role, prepares_all
        self._simple, self._prepared = connection.execute_simple, connection.execute_unnamed
        self._received = b""
        self._known = ("postgres", "")
        """The role and the time that the session has outside of transactions."""
        self._unread = 0
        """How many answers come before that to the next statement."""
        connection.execute_simple, connection.execute_unnamed = self._run_simple, self._run_prepared
        connection.receive_messages = self._receive_all

    def _run_simple(self, statement: str) -> Any:
        start = statement[:5].lower()
        if start == "begin":
            return self._begin(statement)
        if self._prepares_all and start not in _TRANSACTION_CONTROL:
            return self._run_prepared(statement)
        self._tell()
        return self._simple(statement)

    def _run_prepared(self, statement: str, **how: Any) -> Any:
        self._tell()
        return self._prepared(statement, **how)

    def _begin(self, statement: str) -> Context:
        self._send("; ".join([statement, *(f"SET LOCAL {each}" for each in self._changes())]))
        self._connection._transaction_status = IN_TRANSACTION
        return Context(statement)

    def _tell(self) -> None:
        if not self._connection._in_transaction:
            changes = self._changes()
            if changes:
                self._send("; ".join(f"SET {each}" for each in changes))
                self._known = self._wanted()

    def _changes(self) -> list[str]:
        (role, now), (known_role, known_now) = self._wanted(), self._known
        changes = [f"ROLE {role}"] if role != known_role else []
        return [*changes, f"sim.now = '{now}'"] if now != known_now else changes

    def _wanted(self) -> tuple[str, str]:
        return self._role(), self._clock.for_postgresql

    def _send(self, statement: str) -> None:
        self._connection.send_QUERY(statement)
        self._unread += 1

    def _receive_all(self, context: Context) -> None:
        while self._unread:
            self._unread -= 1
            self._receive(Context(""))
        self._receive(context)

    def _receive(self, context: Context) -> None:
        """Handle messages up to the end of an answer, as pg8000 does, which reads each by itself."""
        handlers, data, at, code = self._connection.message_types, self._received, 0, b""
        while code != READY_FOR_QUERY:
            while len(data) < at + 5 or len(data) <= at + int.from_bytes(data[at + 1 : at + 5]):
                data, at = data[at:] + self._chunk(), 0
            code, end = data[at : at + 1], at + 1 + int.from_bytes(data[at + 1 : at + 5])
            handlers[code](data[at + 5 : end], context)
            at = end
        self._received = data[at:]
        if context.error is not None:
            raise context.error

    def _chunk(self) -> bytes:
        try:
            chunk: bytes = self._connection._usock.recv(_CHUNK_BYTES)
        except OSError as error:
            raise InterfaceError("network error") from error
        if not chunk:
            raise InterfaceError("network error")
        return chunk
