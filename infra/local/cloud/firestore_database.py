"""Reading and committing: one commit after another, optimistic transactions, word of every change."""

import datetime
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from sqlalchemy import Connection, Engine

from infra.local.cloud import firestore_documents as stored
from infra.local.cloud.failures import Failure
from infra.local.cloud.firestore_protos import Message
from infra.local.cloud.firestore_query import find
from infra.local.cloud.firestore_transactions import Transactions
from infra.local.cloud.firestore_writes import apply, target

Documents: TypeAlias = dict[str, Message | None]

_TICK = datetime.timedelta(microseconds=1)


class Database:
    """All Firestore databases of one store. Safe to use from many threads of one process."""

    def __init__(self, engine: Engine) -> None:
        self.transactions = Transactions()
        self._engine = engine
        self._one_at_a_time = threading.Lock()
        self._last_commit = datetime.datetime.min.replace(tzinfo=datetime.UTC)

    def now(self) -> datetime.datetime:
        """The time of a read that begins now: not before any commit it sees."""
        return max(self._last_commit, datetime.datetime.now(datetime.UTC))

    def get(self, names: Iterable[str], transaction_id: bytes = b"") -> Documents:
        """The documents of these names, None for each that does not exist."""
        transaction = self.transactions.get(transaction_id)
        with self._engine.connect() as tx:
            found = stored.get(tx, names)
        transaction.saw(found)
        return found

    def query(self, parent: str, query: Message, transaction_id: bytes = b"") -> list[Message]:
        """The documents a structured query finds under `parent`, whole and in its order."""
        transaction = self.transactions.get(transaction_id)
        with self._engine.connect() as tx:
            found = find(tx, parent, query)
        transaction.found(parent, query, found)
        return found

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for other reads, of ids and collections."""
        with self._engine.connect() as tx:
            yield tx

    def commit(self, writes: Sequence[Message], transaction_id: bytes = b"") -> tuple[list[Message], datetime.datetime]:
        """Apply all writes or none, and return their results and the time of the commit.

        Raises Failure: ABORTED where something the transaction has read changed since, INVALID_ARGUMENT for
        a write in a read-only transaction, and what `firestore_writes.apply` raises.
        """
        transaction = self.transactions.get(transaction_id)
        self.transactions.end(transaction_id)
        if transaction.read_only and writes:
            raise Failure.invalid("Cannot modify entities in a read-only transaction")
        with self._committing(writes) as (tx, documents, at):
            if not transaction.read_only:
                transaction.check(tx)
            return [_apply(write, documents, at) for write in writes], at

    def write(self, write: Message) -> Message | None:
        """Apply one write and return the document as it left it, None if deleted. Raises what `apply` raises."""
        with self._committing([write]) as (_, documents, at):
            _apply(write, documents, at)
            return documents[target(write)]

    def write_each(self, writes: Sequence[Message]) -> list[Message | Failure]:
        """Apply each write on its own: its result, or why it was refused."""
        with self._committing(writes) as (_, documents, at):
            return [_attempt(write, documents, at) for write in writes]

    @contextmanager
    def _committing(self, writes: Sequence[Message]) -> Iterator[tuple[Connection, Documents, datetime.datetime]]:
        """A commit's transaction, the documents it may change in place, and its time.

        Commits go one after another, so what a transaction checks stays true until it is on disk.
        """
        with self._one_at_a_time:
            with self._engine.begin() as tx:
                before = stored.get(tx, map(target, writes))
                after = dict(before)
                at = self._next_time(before)
                yield tx, after, at
                changed = {name: after[name] for name in after if after[name] is not before[name]}
                stored.save(tx, changed)
            self._last_commit = at

    def _next_time(self, documents: Documents) -> datetime.datetime:
        """Later than the commit before, and than what is stored, even if the clock was set back."""
        known = [self._last_commit]
        known += [document.update_time.ToDatetime(datetime.UTC) for document in documents.values() if document]
        return max(datetime.datetime.now(datetime.UTC), max(known) + _TICK)


def _apply(write: Message, documents: Documents, at: datetime.datetime) -> Message:
    name = target(write)
    documents[name], result = apply(write, documents[name], at)
    return result


def _attempt(write: Message, documents: Documents, at: datetime.datetime) -> Message | Failure:
    try:
        return _apply(write, documents, at)
    except Failure as failure:
        return failure
