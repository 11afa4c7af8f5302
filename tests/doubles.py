"""Stand-ins at the one seam to Google Cloud (shared/cloud/clients.py), for tests of what happens in the database.

The real clients run against real servers in tests/conformance, tests/functions and tests/faults.
"""

import json
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
from google.api_core.exceptions import ServiceUnavailable

from tests.stored_files import StoredFiles

MESSAGES = Path(__file__).parent.parent / "schemas" / "messages"


@lru_cache
def _validator(topic: str) -> Any:
    schema: dict[str, Any] = json.loads((MESSAGES / f"{topic}.json").read_text(encoding="utf-8"))
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema, format_checker=jsonschema.FormatChecker())


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
            _validator(name).validate(payload)
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
        self.broken = False
        """Set it and every task is refused, as while Cloud Tasks can't be reached."""

    def create_task(self, *, parent: str, task: Any, timeout: float) -> Any:
        """Take one task, as google.cloud.tasks_v2.CloudTasksClient does."""
        if self.broken:
            raise ServiceUnavailable("Cloud Tasks can't be reached")
        self.tasks.append(task)
        return task


@dataclass
class Doubles:
    """The stand-ins of one test: for Pub/Sub, Cloud Tasks and Cloud Storage."""

    published: Published = field(default_factory=Published)
    scheduled: Scheduled = field(default_factory=Scheduled)
    files: StoredFiles = field(default_factory=StoredFiles)
