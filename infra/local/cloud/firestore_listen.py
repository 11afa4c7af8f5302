"""Firestore's Listen stream, which on_snapshot stands on: the targets of one client, kept current.

For each target the client is told ADD, its documents, CURRENT; after every commit that may concern it,
the difference. A NO_CHANGE without target ids ends each round: until then the client shows nothing.
"""

import datetime
import queue
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import grpc

from infra.local.cloud.firestore_database import Database
from infra.local.cloud.firestore_protos import (
    DocumentChange,
    DocumentDelete,
    DocumentRemove,
    ListenResponse,
    Message,
    TargetChange,
)
from infra.local.cloud.firestore_query import covers
from infra.local.cloud.firestore_transactions import Version, version

_END = object()


@dataclass
class _Target:
    """One thing listened to, and what its client has been told of it."""

    message: Message
    told: dict[str, Version] = field(default_factory=dict)

    @property
    def id(self) -> int:
        target_id: int = self.message.target_id
        return target_id

    def concerns(self, changed: frozenset[str]) -> bool:
        """Whether a change of these documents can change what the target shows."""
        if self.message.HasField("documents"):
            return not changed.isdisjoint(self.message.documents.documents)
        query = self.message.query
        return any(covers(query.parent, query.structured_query, name) for name in changed)

    def documents(self, database: Database) -> dict[str, Message]:
        """What the target shows now, by name."""
        if self.message.HasField("documents"):
            found = database.get(self.message.documents.documents)
            return {name: document for name, document in found.items() if document is not None}
        query = self.message.query
        return {found.name: found for found in database.query(query.parent, query.structured_query)}


class Listener:
    """One client's stream."""

    def __init__(self, database: Database, requests: Iterator[Message], context: grpc.ServicerContext) -> None:
        self._database = database
        self._targets: dict[int, _Target] = {}
        self._mailbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._requests = requests
        self._context = context

    def responses(self) -> Iterator[Message]:
        """What the client is to be told, until it goes away."""
        unsubscribe = self._database.subscribe(self._mailbox)
        self._context.add_callback(lambda: self._mailbox.put(_END))
        threading.Thread(target=self._receive, name="firestore-listen", daemon=True).start()
        try:
            while (letter := self._mailbox.get()) is not _END:
                yield from self._changes(letter) if isinstance(letter, frozenset) else self._obey(letter)
        finally:
            unsubscribe()

    def _receive(self) -> None:
        """Put what the client asks for into the mailbox, beside what commits put there."""
        try:
            for request in self._requests:
                self._mailbox.put(request)
        except grpc.RpcError:
            self._mailbox.put(_END)

    def _obey(self, request: Message) -> Iterator[Message]:
        if request.HasField("add_target"):
            yield from self._add(_Target(request.add_target))
        else:
            self._targets.pop(request.remove_target, None)
            yield _target_change(TargetChange.REMOVE, [request.remove_target])

    def _add(self, target: _Target) -> Iterator[Message]:
        yield _target_change(TargetChange.ADD, [target.id])
        if target.message.WhichOneof("resume_type"):  # what was deleted meanwhile is not known any more
            yield _target_change(TargetChange.RESET, [target.id])
        self._targets[target.id] = target
        yield from self._refresh(target)
        at = self._database.now()
        for name in target.message.documents.documents:
            if name not in target.told:
                yield _deleted(name, target, at)
        yield _target_change(TargetChange.CURRENT, [target.id], at)
        yield _target_change(TargetChange.NO_CHANGE, [], at)

    def _changes(self, changed: frozenset[str]) -> Iterator[Message]:
        concerned = [target for target in self._targets.values() if target.concerns(changed)]
        for target in concerned:
            yield from self._refresh(target)
        if concerned:
            yield _target_change(TargetChange.NO_CHANGE, [], self._database.now())

    def _refresh(self, target: _Target) -> Iterator[Message]:
        """Tell the difference between what the client knows of the target and what is."""
        documents = target.documents(self._database)
        at = self._database.now()
        for name, document in documents.items():
            if target.told.get(name) != version(document):
                change = DocumentChange(document=document, target_ids=[target.id])
                yield ListenResponse(document_change=change)
        gone = [name for name in target.told if name not in documents]
        for name, document in self._database.get(gone).items() if gone else ():
            yield _deleted(name, target, at) if document is None else _removed(name, target, at)
        target.told = {name: version(document) for name, document in documents.items()}


def _target_change(kind: int, targets: Iterable[int], at: datetime.datetime | None = None) -> Message:
    change = TargetChange(target_change_type=kind, target_ids=targets)
    if at is not None:
        change.read_time.FromDatetime(at)
        change.resume_token = at.isoformat().encode()
    return ListenResponse(target_change=change)


def _deleted(name: str, target: _Target, at: datetime.datetime) -> Message:
    gone = DocumentDelete(document=name, removed_target_ids=[target.id])
    gone.read_time.FromDatetime(at)
    return ListenResponse(document_delete=gone)


def _removed(name: str, target: _Target, at: datetime.datetime) -> Message:
    gone = DocumentRemove(document=name, removed_target_ids=[target.id])
    gone.read_time.FromDatetime(at)
    return ListenResponse(document_remove=gone)
