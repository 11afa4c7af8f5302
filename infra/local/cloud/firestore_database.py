"""Reading and committing: one commit after another."""

import datetime
import threading
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from sqlalchemy import Engine

from infra.local.cloud import firestore_documents as stored
from infra.local.cloud.firestore_protos import Message
from infra.local.cloud.firestore_writes import apply, target

Documents: TypeAlias = dict[str, Message | None]

_TICK = datetime.timedelta(microseconds=1)


class Database:
    """All Firestore databases of one store. Safe to use from many threads of one process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._one_at_a_time = threading.Lock()
        self._last_commit = datetime.datetime.min.replace(tzinfo=datetime.UTC)

    def now(self) -> datetime.datetime:
        """The time of a read that begins now: not before any commit it sees."""
        return max(self._last_commit, datetime.datetime.now(datetime.UTC))

    def get(self, names: Iterable[str]) -> Documents:
        """The documents of these names, None for each that does not exist."""
        with self._engine.connect() as tx:
            return stored.get(tx, names)

    def commit(self, writes: Sequence[Message]) -> tuple[list[Message], datetime.datetime]:
        """Apply all writes or none, and return their results and the time of the commit.

        Raises what `firestore_writes.apply` raises.
        """
        with self._one_at_a_time:
            with self._engine.begin() as tx:
                before = stored.get(tx, map(target, writes))
                after = dict(before)
                at = self._next_time(before)
                results = [_apply(write, after, at) for write in writes]
                stored.save(tx, {name: after[name] for name in after if after[name] is not before[name]})
            self._last_commit = at
        return results, at

    def _next_time(self, documents: Documents) -> datetime.datetime:
        """Later than the commit before, and than what is stored, even if the clock was set back."""
        known = [self._last_commit]
        known += [document.update_time.ToDatetime(datetime.UTC) for document in documents.values() if document]
        return max(datetime.datetime.now(datetime.UTC), max(known) + _TICK)


def _apply(write: Message, documents: Documents, at: datetime.datetime) -> Message:
    name = target(write)
    documents[name], result = apply(write, documents[name], at)
    return result
