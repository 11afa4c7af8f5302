"""A delivery under way: a message, a task, a job or a webhook that one of the product's functions is to be handed."""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

SAME_MOMENT = 1e-5
"""Seconds: less than anything waits."""


class DeliveryKind(StrEnum):
    """The function that delivers it."""

    MESSAGE = "message"
    TASK = "task"
    JOB = "job"
    WEBHOOK = "webhook"


@dataclass
class Delivery:
    """One delivery. It is repeated after `waits` (seconds, by attempt) until it is taken, and then given up."""

    number: int
    kind: DeliveryKind
    function: str
    path: str
    body: bytes
    due: float
    """Virtual seconds."""
    waits: tuple[float, ...]
    headers: dict[str, str] = field(default_factory=dict)
    name: str | None = None
    attempt: int = 1

    @property
    def title(self) -> str:
        """The name of it in a story."""
        return f"{self.kind} {self.function}{self.path}"


class Deliveries:
    """Everything under way, in the order in which it was sent."""

    def __init__(self) -> None:
        self.waiting: list[Delivery] = []
        self.dead: list[Delivery] = []
        """Given up after their last attempt."""
        self.overheard: deque[Delivery] = deque(maxlen=20)
        """The last webhooks that were taken, as somebody on the way may have read them."""
        self._count = 0

    def add(self, kind: DeliveryKind, function: str, path: str, body: bytes, due: float, **how: object) -> Delivery:
        """Send one."""
        self._count += 1
        delivery = Delivery(self._count, kind, function, path, body, due, **how)  # type: ignore[arg-type]
        self.waiting.append(delivery)
        return delivery

    def due(self, now: float) -> list[Delivery]:
        """Those that may arrive now, in the order in which they were sent."""
        return [each for each in self.waiting if each.due <= now + SAME_MOMENT]

    def next_due(self) -> float | None:
        """When the next one may arrive."""
        return min((each.due for each in self.waiting), default=None)

    def taken(self, delivery: Delivery) -> None:
        """Its receiver has it."""
        if delivery in self.waiting:
            self.waiting.remove(delivery)
        if delivery.kind is DeliveryKind.WEBHOOK:
            self.overheard.append(delivery)

    def refused(self, delivery: Delivery, now: float) -> None:
        """It was not taken: it comes again after its wait, or is given up."""
        if delivery.attempt > len(delivery.waits):
            self.taken(delivery)
            self.dead.append(delivery)
            return
        delivery.due = now + delivery.waits[delivery.attempt - 1]
        delivery.attempt += 1

    def withdraw(self, name: str) -> None:
        """Take back what is not on its way yet."""
        self.waiting = [each for each in self.waiting if each.name != name]
