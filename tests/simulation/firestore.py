"""Firestore in this process: documents with the times of their writes, preconditions, and counters."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from google.api_core.exceptions import AlreadyExists, DeadlineExceeded, FailedPrecondition, NotFound, ServiceUnavailable
from google.cloud.firestore import Increment

from tests.simulation.clock import Clock
from tests.simulation.faults import FaultKind, Faults, Point


@dataclass(frozen=True)
class _Stored:
    fields: dict[str, Any]
    update_time: datetime


@dataclass(frozen=True)
class _Write:
    """A change of a document: `kind` is create, update or set (which merges)."""

    kind: str
    path: str
    fields: dict[str, Any]
    last_update_time: datetime | None = None


class Firestore:
    """Stands in for google.cloud.firestore.Client."""

    def __init__(self, clock: Clock, faults: Faults) -> None:
        self._clock, self._faults = clock, faults
        self._documents: dict[str, _Stored] = {}
        self._writes = 0

    def collection(self, name: str) -> "_Collection":
        """The documents under a name."""
        return _Collection(self, name)

    def batch(self) -> "_Batch":
        """Writes that happen together."""
        return _Batch(self)

    def write_option(self, *, last_update_time: datetime) -> datetime:
        """A write only of what has not changed since."""
        return last_update_time

    def get_all(self, references: "Iterable[_Reference]", **_: object) -> list[Any]:
        """The documents, each as it is now."""
        self._pass(lambda: None)
        return [self._snapshot(reference) for reference in references]

    def commit(self, writes: list[_Write]) -> list[Any]:
        """Make all of some writes, or none; a late answer comes after the effect."""
        self._faults.pass_by(Point.CACHE, "before")
        found = self._pass(lambda: self._made(writes))
        self._faults.pass_by(Point.CACHE, "after")
        return found

    def _pass(self, act: Any) -> Any:
        fault = self._faults.due(Point.CACHE)
        if fault is FaultKind.CACHE_FAILS:
            raise ServiceUnavailable("Firestore can't be reached")
        done = act()
        if fault is FaultKind.CACHE_IS_LATE:
            raise DeadlineExceeded("Firestore answers late")
        return done

    def _made(self, writes: list[_Write]) -> list[Any]:
        for write in writes:
            _require(write, self._documents.get(write.path))
        self._writes += 1
        at = self._now()
        for write in writes:
            known = self._documents.get(write.path)
            before = known.fields if known and write.kind != "create" else {}
            fields = {name: _after(before.get(name), value) for name, value in write.fields.items()}
            self._documents[write.path] = _Stored({**before, **fields}, at)
        return [self._result(write) for write in writes]

    def _result(self, write: _Write) -> Any:
        counted = [name for name, value in write.fields.items() if isinstance(value, Increment)]
        fields = self._documents[write.path].fields
        return SimpleNamespace(transform_results=[SimpleNamespace(integer_value=fields[name]) for name in counted])

    def _snapshot(self, reference: "_Reference") -> Any:
        stored = self._documents.get(reference.path)
        return SimpleNamespace(
            id=reference.id,
            reference=reference,
            exists=stored is not None,
            read_time=self._now(),
            update_time=stored and stored.update_time,
            to_dict=lambda: dict(stored.fields) if stored else None,
        )

    def _now(self) -> datetime:
        """The current moment: each write is later than the one before."""
        return self._clock.now + timedelta(microseconds=self._writes % 1000)


class _Collection:
    def __init__(self, client: Firestore, name: str) -> None:
        self._client, self._name = client, name

    def document(self, name: str) -> "_Reference":
        """One of them."""
        return _Reference(self._client, name, f"{self._name}/{name}")


@dataclass(frozen=True)
class _Reference:
    client: Firestore
    id: str
    path: str

    def create(self, fields: dict[str, Any], **_: object) -> None:
        """Write it. Raises AlreadyExists."""
        self.client.commit([_Write("create", self.path, fields)])

    def update(self, fields: dict[str, Any], *, option: datetime | None = None, **_: object) -> None:
        """Change it. Raises NotFound, and FailedPrecondition where it has changed since."""
        self.client.commit([_Write("update", self.path, fields, option)])


class _Batch:
    def __init__(self, client: Firestore) -> None:
        self._client = client
        self._writes: list[_Write] = []

    def __len__(self) -> int:
        return len(self._writes)

    def create(self, reference: _Reference, fields: dict[str, Any]) -> None:
        """Write a document."""
        self._writes.append(_Write("create", reference.path, fields))

    def update(self, reference: _Reference, fields: dict[str, Any], option: datetime | None = None) -> None:
        """Change a document."""
        self._writes.append(_Write("update", reference.path, fields, option))

    def set(self, reference: _Reference, fields: dict[str, Any], *, merge: bool) -> None:
        """Write into a document, whether or not it is there."""
        assert merge
        self._writes.append(_Write("set", reference.path, fields))

    def commit(self, **_: object) -> list[Any]:
        """Make the writes."""
        return self._client.commit(self._writes)


def _require(write: _Write, stored: _Stored | None) -> None:
    if write.kind == "create" and stored:
        raise AlreadyExists(write.path)
    if write.kind == "update" and stored is None:
        raise NotFound(write.path)
    if write.last_update_time and stored and stored.update_time != write.last_update_time:
        raise FailedPrecondition(write.path)


def _after(before: Any, value: Any) -> Any:
    return (before or 0) + value.value if isinstance(value, Increment) else value
