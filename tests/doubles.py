"""Stand-ins at the one seam to Google Cloud (shared/cloud/clients.py), for tests of what happens in the database.

The real clients run against real servers in tests/conformance, tests/functions and tests/faults.
"""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
from google.api_core.exceptions import DeadlineExceeded

MESSAGES = Path(__file__).parent.parent / "schemas" / "messages"


@lru_cache
def _schema(topic: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((MESSAGES / f"{topic}.json").read_text(encoding="utf-8"))
    return schema


class Published:
    """Records what is published, as (topic, payload) in `messages`, once it has met its topic's schema."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.broken = False
        """Set it and every publish fails, as while Pub/Sub can't be reached."""

    def publish(self, topic: str, data: bytes, **attributes: str) -> "Future[str]":
        """Take one message, as google.cloud.pubsub_v1.PublisherClient does."""
        outcome: Future[str] = Future()
        if self.broken:
            outcome.set_exception(ConnectionError("Pub/Sub can't be reached"))
        else:
            name, payload = topic.rsplit("/", 1)[1], json.loads(data)
            jsonschema.validate(payload, _schema(name), format_checker=jsonschema.FormatChecker())
            self.messages.append((name, payload))
            outcome.set_result(str(len(self.messages)))
        return outcome

    def of(self, topic: str) -> list[dict[str, Any]]:
        """The payloads published to one topic."""
        return [payload for name, payload in self.messages if name == topic]


class Scheduled:
    """Records the tasks that are created, as google.cloud.tasks_v2.Task in `tasks`."""

    def __init__(self) -> None:
        self.tasks: list[Any] = []

    def create_task(self, *, parent: str, task: Any, timeout: float) -> Any:
        """Take one task, as google.cloud.tasks_v2.CloudTasksClient does."""
        self.tasks.append(task)
        return task


class Documents:
    """Keeps documents by id in `stored`: what shared/cloud/live.py uses of google.cloud.firestore.Client."""

    def __init__(self) -> None:
        self.stored: dict[str, dict[str, Any]] = {}
        self.asked = 0
        self.read: list[str] = []
        """The ids that were read, there or not."""
        self.broken = False
        """Set it and every call fails, as while Firestore can't be reached."""

    def collection(self, _: str) -> "Documents":
        """One collection is all collections."""
        return self

    def document(self, key: str) -> "_Document":
        """The document of that id, there or not."""
        return _Document(self, key)

    def get_all(self, references: "Sequence[_Document]", *, retry: None, timeout: float) -> "Iterator[_Document]":
        """The documents as they are."""
        self.ask()
        self.read += [reference.id for reference in references]
        return iter(references)

    def ask(self) -> None:
        """Count a call, and fail it while broken."""
        self.asked += 1
        if self.broken:
            raise DeadlineExceeded("Firestore can't be reached")


class _Document:
    def __init__(self, store: Documents, key: str) -> None:
        self._store = store
        self.id = key

    @property
    def exists(self) -> bool:
        return self.id in self._store.stored

    def to_dict(self) -> dict[str, Any] | None:
        return self._store.stored.get(self.id)

    def set(self, values: dict[str, Any], *, retry: None, timeout: float) -> None:
        self._store.ask()
        self._store.stored[self.id] = values
