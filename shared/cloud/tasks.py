"""Cloud Tasks that call one of our functions at a given moment."""

import json
from datetime import datetime
from typing import Any

from shared.cloud import clients, permissions, trace_context
from shared.cloud.logs import correlation_id
from shared.cloud.settings import function_url, settings


class NotEnqueued(Exception):
    """Cloud Tasks can't be reached, or refused a task."""


def enqueue(
    queue: str,
    function: str,
    path: str,
    payload: dict[str, Any],
    *,
    name: str | None = None,
    due_at: datetime | None = None,
) -> None:
    """POST `payload` as JSON to `path` of `function` at `due_at` (UTC; at once where None).

    With a `name`, a second task of that name is dropped silently: Cloud Tasks remembers names for an
    hour at least. Raises NotEnqueued.
    """
    from google.api_core.exceptions import AlreadyExists, GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud import tasks_v2
    from google.protobuf.timestamp_pb2 import Timestamp

    permissions.check("enqueues", queue)
    chosen = settings()
    parent = f"projects/{chosen.google_cloud_project}/locations/{chosen.region}/queues/{queue}"
    audience = function_url(function)
    task = tasks_v2.Task(
        name=f"{parent}/tasks/{name}" if name else None,
        http_request=tasks_v2.HttpRequest(
            http_method=tasks_v2.HttpMethod.POST,
            url=f"{audience}{path}",
            headers={
                "Content-Type": "application/json",
                "X-Request-Id": correlation_id(),
                "traceparent": trace_context.current().traceparent,
            },
            body=json.dumps(payload).encode(),
            oidc_token=tasks_v2.OidcToken(service_account_email=chosen.invoker, audience=audience),
        ),
    )
    if due_at is not None:
        moment = Timestamp()
        moment.FromDatetime(due_at)
        task.schedule_time = moment
    try:
        clients.tasks().create_task(parent=parent, task=task, timeout=3 * chosen.timeout_factor)
    except AlreadyExists:
        return  # a task of this name exists already
    except (GoogleAPICallError, RetryError, GoogleAuthError) as error:
        raise NotEnqueued(f"{queue}: {type(error).__name__}") from error
