"""Open Firestore transactions: what each has read, so that its commit can tell whether that still holds."""

import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import TypeAlias

import grpc
from sqlalchemy import Connection

from infra.local.cloud import firestore_documents as stored
from infra.local.cloud.failures import Failure
from infra.local.cloud.firestore_protos import Message
from infra.local.cloud.firestore_query import find

Version: TypeAlias = tuple[int, int] | None

_LASTS_SECONDS = 270  # https://firebase.google.com/docs/firestore/quotas


def version(document: Message | None) -> Version:
    """The update time of a document, which changes whenever it does; None if there is no document."""
    return (document.update_time.seconds, document.update_time.nanos) if document is not None else None


@dataclass
class Transaction:
    """The reads of a transaction: the first version seen of each document, the outcome of each query."""

    read_only: bool = False
    begun: float = field(default_factory=time.monotonic)
    documents: dict[str, Version] = field(default_factory=dict)
    queries: list[tuple[str, Message, list[tuple[str, Version]]]] = field(default_factory=list)

    def saw(self, documents: dict[str, Message | None]) -> None:
        """Remember documents that were read by name."""
        for name, document in documents.items():
            self.documents.setdefault(name, version(document))

    def found(self, parent: str, query: Message, documents: list[Message]) -> None:
        """Remember what a query found, so that a document that would now join it is noticed too."""
        self.queries.append((parent, query, _outcome(documents)))

    def check(self, tx: Connection) -> None:
        """Raise Failure (ABORTED) if anything read is not now what it was."""
        now = stored.get(tx, self.documents)
        unchanged = all(version(now[name]) == seen for name, seen in self.documents.items())
        if not unchanged or any(_outcome(find(tx, parent, query)) != seen for parent, query, seen in self.queries):
            raise Failure(grpc.StatusCode.ABORTED, "Too much contention on these documents. Please try again.")


def _outcome(documents: list[Message]) -> list[tuple[str, Version]]:
    return [(document.name, version(document)) for document in documents]


class Transactions:
    """The open transactions by id. A restart forgets them, as it does not commits."""

    def __init__(self) -> None:
        self._open: dict[bytes, Transaction] = {}
        self._lock = threading.Lock()

    def begin(self, *, read_only: bool) -> bytes:
        """Open a transaction and return its id; those open for too long are forgotten."""
        oldest = time.monotonic() - _LASTS_SECONDS
        transaction_id = uuid.uuid4().bytes
        with self._lock:
            self._open = {key: opened for key, opened in self._open.items() if opened.begun > oldest}
            self._open[transaction_id] = Transaction(read_only)
        return transaction_id

    def get(self, transaction_id: bytes) -> Transaction:
        """The open transaction with this id, a passing one for the empty id; else Failure (INVALID_ARGUMENT)."""
        if not transaction_id:
            return Transaction()
        with self._lock:
            if transaction_id in self._open:
                return self._open[transaction_id]
        message = "The referenced transaction has expired or is no longer valid."
        raise Failure(grpc.StatusCode.INVALID_ARGUMENT, message)

    def end(self, transaction_id: bytes) -> None:
        """Forget a transaction; no error when it is gone already."""
        with self._lock:
            self._open.pop(transaction_id, None)
