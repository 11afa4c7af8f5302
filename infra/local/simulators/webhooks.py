"""The webhooks of the simulated gateways on their way: at once, never, twice, late or out of order."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from infra.local.cloud import deliveries, webhooks

_AFTERWARDS_SECONDS = 1.0
_LATE_SECONDS = 5.0


@dataclass(frozen=True)
class Webhook:
    """One signed webhook. `policy` is how its gateway repeats it, `time_scale` how much faster we do."""

    url: str
    body: bytes
    policy: str
    time_scale: float
    timeout_seconds: float
    headers: dict[str, str] = field(default_factory=dict)


class Mode(StrEnum):
    """The fate of a webhook on its way."""

    NOW = "now"
    NEVER = "never"
    TWICE = "twice"
    LATE = "late"
    OUT_OF_ORDER = "out_of_order"


@dataclass(frozen=True)
class Plan:
    """The way to deliver; `delay_seconds` is for LATE."""

    mode: Mode = Mode.NOW
    delay_seconds: float = _LATE_SECONDS


def time_scale(policy: str, first_retry_seconds: float) -> float:
    """The factor for the waits of `policy` that makes the first one take `first_retry_seconds`."""
    return first_retry_seconds / webhooks.POLICIES[policy].waits[0]


def deliver(tx: Connection, webhook: Webhook, plan: Plan, *, overtaken: Webhook | None = None) -> None:
    """Send `webhook` as planned; `overtaken` is the older one that arrives after it when out of order."""
    match plan.mode:
        case Mode.NOW:
            send(tx, webhook)
        case Mode.TWICE:
            send(tx, webhook)
            send(tx, webhook)
        case Mode.LATE:
            send(tx, webhook, due_at=_in(plan.delay_seconds))
        case Mode.OUT_OF_ORDER:
            send(tx, webhook)
            if overtaken is not None:
                send(tx, overtaken, due_at=_in(_AFTERWARDS_SECONDS))
        case Mode.NEVER:
            pass


def send(tx: Connection, webhook: Webhook, *, due_at: datetime | None = None, name: str | None = None) -> None:
    """Queue a webhook in the open transaction; one that has a `name` can be withdrawn until it is due."""
    deliveries.enqueue(
        tx,
        queue=webhooks.QUEUE,
        policy=webhook.policy,
        url=webhook.url,
        headers={"Content-Type": "application/json", **webhook.headers},
        body=webhook.body,
        due_at=due_at,
        timeout_seconds=webhook.timeout_seconds,
        name=name,
        options={"time_scale": webhook.time_scale},
    )


def withdraw(tx: Connection, name: str) -> None:
    """Take back a webhook that is not on its way yet."""
    queue = deliveries.deliveries
    tx.execute(
        queue.delete().where(
            queue.c.queue == webhooks.QUEUE,
            queue.c.name == name,
            queue.c.state == "waiting",
            queue.c.leased_until.is_(None),
        )
    )


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)
