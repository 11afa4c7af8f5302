"""Delivery policies: the request of an attempt, its outcome, and the verdict on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import Connection, Row


@dataclass(frozen=True)
class Caller:
    """The service account in whose name a request is made, and the audience of its OIDC token."""

    email: str
    audience: str


@dataclass(frozen=True)
class Request:
    """One HTTP request; with a `caller` it carries a freshly signed bearer token."""

    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    timeout_seconds: float = 30.0
    caller: Caller | None = None


@dataclass(frozen=True)
class Delivery:
    """One row as claimed: `attempt` counts from 1, `settings` are those of its queue."""

    id: int
    queue: str
    name: str | None
    policy: str
    url: str | None
    method: str
    headers: dict[str, str]
    body: bytes | None
    timeout_seconds: float
    identity: dict[str, str] | None
    options: dict[str, Any]
    created_at: datetime
    due_at: datetime
    attempt: int
    responses: int
    first_attempt_at: datetime
    last_status: int | None
    settings: dict[str, Any]

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Read it from a row that has at least `deliveries.COLUMNS`."""
        return cls(**{field.name: getattr(row, field.name) for field in fields(cls)})


@dataclass(frozen=True)
class AttemptResult:
    """The outcome of an attempt: a status, or the error that left it without one."""

    status: int | None = None
    error: str | None = None
    retry_after_seconds: float = 0.0
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def is_success(self) -> bool:
        """True if the answer was a 2xx."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True)
class Done:
    """The receiver has it."""


@dataclass(frozen=True)
class Retry:
    """Try once more, `after_seconds` from now."""

    after_seconds: float


@dataclass(frozen=True)
class Dead:
    """Given up."""


Verdict = Done | Retry | Dead


@dataclass(frozen=True)
class Attempt:
    """One attempt that has ended and been judged."""

    delivery: Delivery
    outcome: AttemptResult
    verdict: Verdict


class Policy:
    """Requests and verdicts for deliveries of one kind. This one makes a single attempt."""

    keeps_finished = True
    """True if a delivery that is done stays readable (and its name taken) for an hour."""

    def request(self, delivery: Delivery) -> Request:
        """The request of this attempt; by default just what was enqueued."""
        caller = Caller(**delivery.identity) if delivery.identity else None
        return Request(
            url=delivery.url or "",
            method=delivery.method,
            headers=delivery.headers,
            body=delivery.body,
            timeout_seconds=delivery.timeout_seconds,
            caller=caller,
        )

    def verdict(self, delivery: Delivery, outcome: AttemptResult) -> Verdict:
        """The verdict after this attempt."""
        return Done() if outcome.is_success else Dead()

    def dead_letter(self, tx: Connection, delivery: Delivery) -> None:
        """Do what else belongs to giving up, in the transaction that records it."""


_policies: dict[str, Policy] = {}


def register(name: str, rules: Policy) -> None:
    """Make `rules` known under `name`; a dispatcher takes only deliveries whose policy it knows."""
    _policies[name] = rules


def policy(name: str) -> Policy:
    """The policy registered under `name`. Raises KeyError."""
    return _policies[name]


def policy_names() -> list[str]:
    """All names registered in this process."""
    return list(_policies)
