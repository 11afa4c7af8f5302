"""A queue's policy: how tasks are dispatched, repeated and dropped."""

from datetime import datetime
from typing import Any

from infra.local.cloud.policies import AttemptResult, Dead, Delivery, Done, Policy, Request, Retry, Verdict

NAME = "cloud-tasks"

_NOT_FOR_CALLERS = ("x-google-", "x-appengine-", "x-cloudtasks-", "host", "content-length", "user-agent")


def complete(config: Any) -> None:
    """Fill into a raw RetryConfig what a queue made on the command line has by default."""
    config.max_attempts = config.max_attempts or 100
    config.max_doublings = config.max_doublings or 16
    if not config.HasField("min_backoff"):
        config.min_backoff.FromMilliseconds(100)
    if not config.HasField("max_backoff"):
        config.max_backoff.FromSeconds(3600)


def settings(config: Any) -> dict[str, Any]:
    """A raw RetryConfig as plain numbers; times in seconds, -1 attempts and 0 seconds mean no limit."""
    return {
        "max_attempts": config.max_attempts,
        "max_retry_seconds": config.max_retry_duration.ToTimedelta().total_seconds(),
        "min_backoff_seconds": config.min_backoff.ToTimedelta().total_seconds(),
        "max_backoff_seconds": config.max_backoff.ToTimedelta().total_seconds(),
        "max_doublings": config.max_doublings,
    }


class TasksPolicy(Policy):
    """The retry configuration of the queue, or of the task where it has its own in `options["retry"]`."""

    def request(self, delivery: Delivery) -> Request:
        """The task's request with the headers that tell which attempt of what it is."""
        own = super().request(delivery)
        headers = {
            **{name: value for name, value in own.headers.items() if not name.lower().startswith(_NOT_FOR_CALLERS)},
            "User-Agent": "Google-Cloud-Tasks",
            "X-CloudTasks-QueueName": delivery.queue.rpartition("/")[2],
            "X-CloudTasks-TaskName": (delivery.name or "").rpartition("/")[2],
            "X-CloudTasks-TaskRetryCount": str(delivery.attempt - 1),
            "X-CloudTasks-TaskExecutionCount": str(delivery.responses),
            "X-CloudTasks-TaskETA": f"{delivery.due_at.timestamp():.6f}",
        }
        if delivery.last_status is not None:
            headers["X-CloudTasks-TaskPreviousResponse"] = str(delivery.last_status)
        return Request(own.url, own.method, headers, own.body, own.timeout_seconds, own.caller)

    def verdict(self, delivery: Delivery, outcome: AttemptResult) -> Verdict:
        """Any 2xx is done; a longer Retry-After is obeyed."""
        if outcome.is_success:
            return Done()
        retry = delivery.options.get("retry") or delivery.settings
        if _is_spent(retry, delivery.attempt, delivery.first_attempt_at, outcome.at):
            return Dead()
        return Retry(max(backoff_seconds(retry, delivery.attempt), outcome.retry_after_seconds))


def _is_spent(retry: dict[str, Any], attempts: int, first_attempt_at: datetime, now: datetime) -> bool:
    """Attempts and time must both be used up; a limit that is not set does not count, and without any it goes on."""
    few_attempts = attempts < retry["max_attempts"]
    early = (now - first_attempt_at).total_seconds() < retry["max_retry_seconds"]
    is_limited = retry["max_attempts"] > 0 or retry["max_retry_seconds"] > 0
    return is_limited and not few_attempts and not early


def backoff_seconds(retry: dict[str, Any], failures: int) -> float:
    """The wait after so many failed attempts: doubles `max_doublings` times, then grows by the last step."""
    doublings = min(failures - 1, retry["max_doublings"])
    step = retry["min_backoff_seconds"] * 2.0 ** min(doublings, 60)
    return float(min(retry["max_backoff_seconds"], step * (failures - doublings)))
