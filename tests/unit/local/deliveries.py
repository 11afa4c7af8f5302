"""A delivery to judge, with what a test does not care about filled in."""

from datetime import UTC, datetime
from typing import Any

from infra.local.cloud.policies import Delivery

START = datetime(2026, 11, 21, tzinfo=UTC)
USUAL: dict[str, Any] = {
    "id": 1,
    "queue": "projects/p/locations/l/queues/q",
    "name": "projects/p/locations/l/queues/q/tasks/t",
    "policy": "policy",
    "url": "http://127.0.0.1/",
    "method": "POST",
    "headers": {},
    "body": None,
    "timeout_seconds": 10.0,
    "identity": None,
    "options": {},
    "created_at": START,
    "due_at": START,
    "attempt": 1,
    "responses": 0,
    "first_attempt_at": START,
    "last_status": None,
    "settings": {},
}


def a_delivery(**changes: Any) -> Delivery:
    """The delivery as it is claimed for its first attempt, at START, with these changes."""
    return Delivery(**{**USUAL, **changes})
