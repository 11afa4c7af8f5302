"""The present contents of the local cloud, for the start page."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

TOPICS = text("""
SELECT t.name, count(s.name) AS subscriptions
FROM pubsub_topics t LEFT JOIN pubsub_subscriptions s ON s.topic = t.name GROUP BY t.name ORDER BY t.name""")

SUBSCRIPTIONS = text("""
SELECT s.name, s.topic, s.filter, l.settings ->> 'endpoint' AS push_endpoint, count(d.id) AS backlog,
  CAST(extract(epoch FROM now() - min(d.created_at)) AS float) AS oldest_seconds, max(d.attempt) AS most_attempts
FROM pubsub_subscriptions s JOIN delivery_queues l ON l.name = s.name
LEFT JOIN queued_deliveries d ON d.queue = s.name AND d.state = 'waiting'
GROUP BY s.name, l.name ORDER BY s.name""")

QUEUES = text("""
SELECT q.name, l.paused, count(d.id) AS waiting
FROM tasks_queues q JOIN delivery_queues l ON l.name = q.name
LEFT JOIN queued_deliveries d ON d.queue = q.name AND d.state = 'waiting'
GROUP BY q.name, l.name ORDER BY q.name""")

TASKS = text("""
SELECT queue, name, url, due_at, attempt, last_status, last_error FROM (
  SELECT d.*, row_number() OVER (PARTITION BY d.queue ORDER BY d.due_at) AS place
  FROM queued_deliveries d JOIN tasks_queues q ON q.name = d.queue WHERE d.state = 'waiting') AS waiting
WHERE place <= :most ORDER BY queue, due_at""")

WEBHOOKS = text("""
SELECT id, url, due_at, attempt, last_status, last_error FROM queued_deliveries
WHERE queue = 'webhooks' AND state = 'waiting' ORDER BY due_at LIMIT :most""")

DEAD = text("""
SELECT d.id, d.queue, d.name, coalesce(d.url, l.settings ->> 'endpoint') AS url, d.attempt, d.last_status, d.last_error,
  d.created_at, d.finished_at
FROM queued_deliveries d JOIN delivery_queues l ON l.name = d.queue
WHERE d.state = 'dead' ORDER BY d.finished_at DESC LIMIT :most""")

_MOST = 50


def snapshot(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Topics, subscriptions with their backlog, queues with their next tasks, webhooks, and what was given up.

    Ages are in seconds, times are ISO 8601 in UTC.
    """
    with engine.begin() as tx:
        queues = [{**queue, "tasks": []} for queue in _rows(tx, QUEUES)]
        tasks_of = {queue["name"]: queue["tasks"] for queue in queues}
        for task in _rows(tx, TASKS, most=_MOST):
            tasks_of[task.pop("queue")].append(task)
        return {
            "topics": _rows(tx, TOPICS),
            "subscriptions": _rows(tx, SUBSCRIPTIONS),
            "queues": queues,
            "webhooks": _rows(tx, WEBHOOKS, most=_MOST),
            "dead_letters": _rows(tx, DEAD, most=_MOST),
        }


def _rows(tx: Connection, query: Any, **values: Any) -> list[dict[str, Any]]:
    return [{name: _plain(value) for name, value in row.items()} for row in tx.execute(query, values).mappings()]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
