"""Makes the requests that are due: claims them, sends them, records what became of them."""

import json
import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, text
from sqlalchemy.exc import DBAPIError

from infra.local.cloud import deliveries, policies
from infra.local.cloud.oidc import Signer
from infra.local.cloud.policies import Attempt, AttemptResult, Delivery, Done
from infra.local.cloud.sender import Sender
from infra.local.cloud.token_bucket import TokenBucket
from infra.local.cloud.wake_condition import WakeCondition

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.2  # how soon work of another process is seen
_SWEEP_SECONDS = 30.0
_STOP_SECONDS = 5.0
_TAKE_OVER_SECONDS = 60.0
_RECONNECT_SECONDS = 0.5
_ONE_DISPATCHER = 7_202_612

# A claim is a lease: it ends well after the request must have. One dispatcher at a time works on a store, so
# the next one frees at its start what a killed one had claimed.
CLAIM = text(f"""
WITH capacity AS (
  SELECT name, least(
    max_concurrent - coalesce(CAST(CAST(:busy AS jsonb) ->> name AS int), 0),
    coalesce(CAST(CAST(:tokens AS jsonb) ->> name AS int), max_burst, :slots), :slots) AS slots
  FROM delivery_queues WHERE NOT paused AND NOT pulled
), due AS (
  SELECT d.id FROM capacity CROSS JOIN LATERAL (
    SELECT id, due_at FROM queued_deliveries
    WHERE queue = capacity.name AND state = 'waiting' AND due_at <= now() AND policy = ANY(:policies)
      AND (leased_until IS NULL OR leased_until <= now()) AND (expires_at IS NULL OR expires_at > now())
    ORDER BY due_at, id LIMIT greatest(capacity.slots, 0) FOR UPDATE SKIP LOCKED
  ) d ORDER BY d.due_at, d.id LIMIT :slots
)
UPDATE queued_deliveries d SET attempt = d.attempt + 1, last_attempt_at = now(),
  first_attempt_at = coalesce(d.first_attempt_at, now()),
  leased_until = now() + make_interval(secs => d.timeout_seconds + 60)
FROM due, delivery_queues l WHERE d.id = due.id AND l.name = d.queue
RETURNING {deliveries.COLUMNS}, l.max_concurrent, l.max_per_second, l.max_burst""")

CLAIM_ONE = text(f"""
UPDATE queued_deliveries d SET attempt = d.attempt + 1, last_attempt_at = now(), due_at = least(d.due_at, now()),
  first_attempt_at = coalesce(d.first_attempt_at, now()),
  leased_until = now() + make_interval(secs => d.timeout_seconds + 60)
FROM delivery_queues l WHERE d.id = :id AND l.name = d.queue AND d.state = 'waiting'
  AND (d.leased_until IS NULL OR d.leased_until <= now())
RETURNING {deliveries.COLUMNS}""")

IS_ANY_DUE = text("""
SELECT EXISTS (SELECT FROM queued_deliveries WHERE state = 'waiting' AND due_at <= now())
""")

DUE_IN = text("""
SELECT CAST(extract(epoch FROM min(due_at) - clock_timestamp()) AS float) FROM queued_deliveries
WHERE state = 'waiting' AND due_at > now() AND leased_until IS NULL""")

SWEEP = text("""
DELETE FROM queued_deliveries WHERE (state IN ('done', 'deleted') AND finished_at < now() - interval '1 hour')
  OR (state = 'dead' AND finished_at < now() - interval '7 days')
  OR (state = 'waiting' AND expires_at < now())""")

FREE = text("""
UPDATE queued_deliveries d SET leased_until = NULL FROM delivery_queues l
WHERE l.name = d.queue AND NOT l.pulled AND d.state = 'waiting' AND d.leased_until IS NOT NULL""")


class StoreInUse(RuntimeError):
    """Another dispatcher works on this store."""


class Dispatcher:
    """One thread that talks to the store and `slots` threads that each make one request at a time.

    A delivery is sent within milliseconds of its due time when its queue has capacity. Redirects are not
    followed; no answer within the delivery's time-out is a failed attempt.
    """

    def __init__(self, engine: Engine, signer: Signer, *, slots: int = 48) -> None:
        self._engine = engine
        self._sender = Sender(signer, connections=slots)
        self._slots = slots
        self._claimed: queue.SimpleQueue[Delivery] = queue.SimpleQueue()
        self._ended: queue.SimpleQueue[Attempt] = queue.SimpleQueue()
        self._unrecorded: list[Attempt] = []
        self._lock = threading.Lock()
        self._busy: Counter[str] = Counter()
        self._buckets: dict[str, TokenBucket] = {}
        self._wake = WakeCondition()
        self._connection: Connection | None = None
        self._stopping = threading.Event()
        self._loop = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._sweep_at = 0.0

    def start(self) -> None:
        """Take over the store and begin. Raises StoreInUse if another dispatcher does not let go of it."""
        tx = self._connected()
        with tx.begin():
            tx.execute(FREE)
        for number in range(self._slots):
            threading.Thread(target=self._work, name=f"delivery-{number}", daemon=True).start()
        self._loop.start()

    def stop(self) -> None:
        """Claim nothing more and wait a few seconds for requests under way.

        Deliveries without an answer by then are sent again after the next start.
        """
        self._stopping.set()
        self.wake()
        self._loop.join(_STOP_SECONDS)

    def wake(self) -> None:
        """Look for work now: call it after committing a delivery."""
        self._wake.notify_all()

    def queue_changed(self, queue: str) -> None:
        """Let the queue's new limits count from now on."""
        with self._lock:
            self._buckets.pop(queue, None)
        self.wake()

    def send_now(self, delivery_id: int) -> bool:
        """Make this request whatever its due time and its queue's limits; False if it is under way or gone."""
        with self._engine.begin() as tx:
            row = tx.execute(CLAIM_ONE, {"id": delivery_id}).first()
        if row is None:
            return False
        self._hand_over(Delivery.of(row))
        return True

    def _run(self) -> None:
        is_notified = True
        while not (self._stopping.is_set() and not self._busy.total()):
            notifications = self._wake.notifications
            is_notified = self._wake.wait(notifications, self._turn_safely(is_notified))
        self._disconnect()

    def _turn_safely(self, is_notified: bool) -> float:
        """A turn that survives whatever happens in it: deliveries must go on once it is over."""
        try:
            return self._turn(is_notified)
        except DBAPIError as error:
            log.warning("the store cannot be reached: %s", error.orig)
        except Exception:  # one delivery that breaks a turn must not end those of all queues
            log.exception("deliveries are held up")
        self._disconnect()
        return _RECONNECT_SECONDS

    def _turn(self, is_notified: bool) -> float:
        """Record what has ended and claim what is due, in one transaction; returns when to look again.

        The claim costs the database much more than the question whether anything is due, which is asked first where
        nobody has told of new work.
        """
        while not self._ended.empty():
            self._unrecorded.append(self._ended.get())
        tx = self._connected()
        with tx.begin():
            deliveries.record_attempts(tx, self._unrecorded)
            may_claim = not self._stopping.is_set() and (is_notified or tx.execute(IS_ANY_DUE).scalar())
            claimed = self._claim(tx) if may_claim else []
            due_in = tx.execute(DUE_IN).scalar()
            self._sweep(tx)
        with self._lock:
            self._busy.subtract(each.delivery.queue for each in self._unrecorded)
        self._unrecorded.clear()
        for row in claimed:
            self._count_token(row)
            self._hand_over(Delivery.of(row))
        with self._lock:
            pauses = [pause for bucket in self._buckets.values() if (pause := bucket.wait_seconds())]
        return min(_POLL_SECONDS, max(0.0, _POLL_SECONDS if due_in is None else due_in), *pauses)

    def _claim(self, tx: Connection) -> Sequence[Row[Any]]:
        with self._lock:
            busy = self._busy - Counter(each.delivery.queue for each in self._unrecorded)
            tokens = {queue: bucket.available() for queue, bucket in self._buckets.items()}
        slots = self._slots - busy.total()
        if slots <= 0:
            return []
        limits = {
            "slots": slots,
            "busy": json.dumps(busy),
            "tokens": json.dumps(tokens),
            "policies": policies.policy_names(),
        }
        return tx.execute(CLAIM, limits).all()

    def _count_token(self, row: Row[Any]) -> None:
        if row.max_per_second is None:
            return
        with self._lock:
            self._buckets.setdefault(row.queue, TokenBucket(row.max_per_second, row.max_burst or 1)).take()

    def _hand_over(self, delivery: Delivery) -> None:
        with self._lock:
            self._busy[delivery.queue] += 1
        self._claimed.put(delivery)

    def _work(self) -> None:
        while True:
            self._ended.put(self._attempt(self._claimed.get()))
            self.wake()

    def _attempt(self, delivery: Delivery) -> Attempt:
        rules = policies.policy(delivery.policy)
        try:
            outcome = self._sender.send(rules.request(delivery))
        except Exception as error:  # a request that cannot even be made must not take the thread with it
            log.exception("delivery %d in %s cannot be sent", delivery.id, delivery.queue)
            outcome = AttemptResult(error=repr(error))
        verdict = rules.verdict(delivery, outcome)
        if not isinstance(verdict, Done):
            seen = outcome.error or f"HTTP {outcome.status}"
            log.info(
                "%s: delivery %d attempt %d: %s: %s",
                delivery.queue,
                delivery.id,
                delivery.attempt,
                seen,
                verdict,
            )
        return Attempt(delivery, outcome, verdict)

    def _sweep(self, tx: Connection) -> None:
        if time.monotonic() >= self._sweep_at:
            tx.execute(SWEEP)
            self._sweep_at = time.monotonic() + _SWEEP_SECONDS

    def _connected(self) -> Connection:
        if self._connection is None:
            connection = self._engine.connect()
            _take_over(connection)
            self._connection = connection
        return self._connection

    def _disconnect(self) -> None:
        """Close the session, and with it let go of the store."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None


def _take_over(connection: Connection) -> None:
    deadline = time.monotonic() + _TAKE_OVER_SECONDS
    while True:
        with connection.begin():
            if connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _ONE_DISPATCHER}).scalar():
                return
        if time.monotonic() > deadline:
            connection.close()
            raise StoreInUse("another local cloud server works on this database")
        time.sleep(0.1)
