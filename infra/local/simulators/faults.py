"""Misbehaviour on demand: the next calls of ours fail as they were told to, whichever process takes them."""

import threading
from dataclasses import asdict, dataclass
from typing import Any, Self

from flask import Response, jsonify
from sqlalchemy import Connection, Engine, select

from infra.local.simulators.tables import faults

_MAX_SILENCE_SECONDS = 60.0
_NEVER_SET = threading.Event()

UNUSABLE = {
    "html": (b"<html><body><h1>We'll be back soon</h1></body></html>", "text/html"),
    "empty": (b"", "application/json"),
    "half": (b'{"id": "64f0", "status": "PEN', "application/json"),
    "error": (b'{"error_code": "SERVER_ERROR", "message": "Something went wrong"}', "application/json"),
}
"""Bodies that proxies and broken gateways answer with a good status."""


@dataclass(frozen=True)
class Misbehaviour:
    """A way for a call to fail.

    `status` (with `body`, if given) answers instead of the gateway; `latency_ms` waits first; `timeout`
    says nothing for `timeout_seconds`, longer than our clients wait. With `takes_effect` the call is
    carried out all the same and only its answer is lost. A `body` of html, empty, half or error is an answer
    that says 200 (or `status`) and can't be used.
    """

    status: int | None = None
    body: Any = None
    latency_ms: int = 0
    timeout: bool = False
    timeout_seconds: float = 30.0
    takes_effect: bool = False

    @classmethod
    def of(cls, wanted: dict[str, Any]) -> Self:
        """Read one from JSON. Raises TypeError for a field there is none of."""
        return cls(**wanted)

    @property
    def prevents(self) -> bool:
        """True if the call is not carried out at all."""
        return self.loses_the_answer and not self.takes_effect

    @property
    def loses_the_answer(self) -> bool:
        """True if the caller gets something else than the gateway's answer."""
        return self.timeout or self.status is not None or self.body is not None

    def wait(self) -> None:
        """Take the time it takes."""
        silence = self.timeout_seconds if self.timeout else self.latency_ms / 1000
        _NEVER_SET.wait(min(silence, _MAX_SILENCE_SECONDS))

    def answer(self) -> Response:
        """The answer that comes back instead."""
        if isinstance(self.body, str) and self.body in UNUSABLE:
            content, content_type = UNUSABLE[self.body]
            return Response(content, self.status or 200, content_type=content_type)
        body = self.body if self.body is not None else {"error_code": "SERVER_ERROR", "message": "Simulated fault"}
        response = jsonify(body)
        response.status_code = self.status or (504 if self.body is None else 200)
        return response


def arrange(tx: Connection, gateway: str, misbehaviour: Misbehaviour, count: int) -> None:
    """Let the next `count` calls of `gateway` fail like that, after those arranged before."""
    tx.execute(faults.insert().values(gateway=gateway, remaining=count, misbehaviour=asdict(misbehaviour)))


def clear(tx: Connection, gateway: str) -> None:
    """Behave again."""
    tx.execute(faults.delete().where(faults.c.gateway == gateway))


def take(engine: Engine, gateway: str) -> Misbehaviour | None:
    """The misbehaviour due for the call that has just come in, used up by this."""
    waiting = (
        select(faults.c.id)
        .where(faults.c.gateway == gateway, faults.c.remaining > 0)
        .order_by(faults.c.id)
        .limit(1)
        .with_for_update()
        .scalar_subquery()
    )
    statement = (
        faults.update()
        .where(faults.c.id == waiting)
        .values(remaining=faults.c.remaining - 1)
        .returning(faults.c.misbehaviour)
    )
    with engine.begin() as tx:
        due = tx.execute(statement).scalar_one_or_none()
    return Misbehaviour.of(due) if due is not None else None
