"""Faults: what may go wrong between any two steps to the outside, armed for a step and counted when it strikes."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Crash(BaseException):
    """The process is killed here. It is no `Exception`, so that no handler of the product survives it."""


class FaultKind(StrEnum):
    """The kinds of faults that a step may be given."""

    CRASH = "crash"
    PAUSE = "process stands still for minutes"
    GATEWAY_TIMEOUT = "gateway time-out, without effect"
    GATEWAY_LOST_ANSWER = "gateway time-out, with effect"
    GATEWAY_ERROR = "gateway answers 503"
    GATEWAY_REFUSES = "gateway refuses a payment"
    GATEWAY_LIST_LAGS = "gateway's list lacks what is new"
    BANK_IS_SLOW = "bank does not say whose account it is"
    GATEWAY_SLOW = "gateway answers late"
    GATEWAY_UNREADABLE = "gateway's answer unreadable, with effect"
    PUBLISH_FAILS = "publish refused"
    TASK_FAILS = "task refused"
    STORAGE_FAILS = "storage refuses"
    CACHE_FAILS = "shared cache can't be reached"
    CACHE_IS_LATE = "shared cache answers late, with effect"
    DATABASE_RESTART = "database connections cut"
    DATABASE_AWAY = "database away"
    COMMIT_UNANSWERED = "commit's answer lost, with effect"


class Point(StrEnum):
    """The places where the product speaks to the outside. Where it may crash: passed before and after the effect."""

    COMMIT = "commit"
    GATEWAY = "gateway call"
    OPENING = "opening of a payment"
    LISTING = "list of payments"
    ACCOUNT_CHECK = "check of a bank account"
    PUBLISH = "publish"
    TASK = "task creation"
    STORAGE = "storage write"
    CACHE = "shared cache"
    STATEMENT = "statement"


_PASSED = frozenset({Point.COMMIT, Point.GATEWAY, Point.PUBLISH, Point.TASK, Point.STORAGE})
_PLACES: dict[FaultKind, frozenset[Point]] = {
    FaultKind.CRASH: _PASSED | {Point.CACHE},
    FaultKind.PAUSE: _PASSED,
    FaultKind.GATEWAY_TIMEOUT: frozenset({Point.GATEWAY}),
    FaultKind.GATEWAY_LOST_ANSWER: frozenset({Point.GATEWAY}),
    FaultKind.GATEWAY_ERROR: frozenset({Point.GATEWAY}),
    FaultKind.GATEWAY_REFUSES: frozenset({Point.OPENING}),
    FaultKind.GATEWAY_LIST_LAGS: frozenset({Point.LISTING}),
    FaultKind.BANK_IS_SLOW: frozenset({Point.ACCOUNT_CHECK}),
    FaultKind.GATEWAY_SLOW: frozenset({Point.GATEWAY}),
    FaultKind.GATEWAY_UNREADABLE: frozenset({Point.GATEWAY}),
    FaultKind.PUBLISH_FAILS: frozenset({Point.PUBLISH}),
    FaultKind.TASK_FAILS: frozenset({Point.TASK}),
    FaultKind.STORAGE_FAILS: frozenset({Point.STORAGE}),
    FaultKind.CACHE_FAILS: frozenset({Point.CACHE}),
    FaultKind.CACHE_IS_LATE: frozenset({Point.CACHE}),
    FaultKind.DATABASE_RESTART: frozenset({Point.STATEMENT}),
    FaultKind.DATABASE_AWAY: frozenset({Point.STATEMENT}),
    FaultKind.COMMIT_UNANSWERED: frozenset({Point.COMMIT}),
}
_OF_THE_PROCESS = (FaultKind.CRASH, FaultKind.PAUSE)
_FAILS_REQUESTS = frozenset(
    {FaultKind.CRASH, FaultKind.DATABASE_RESTART, FaultKind.DATABASE_AWAY, FaultKind.COMMIT_UNANSWERED}
)
_FAILS_DELIVERIES = _FAILS_REQUESTS | {
    FaultKind.GATEWAY_TIMEOUT,
    FaultKind.GATEWAY_LOST_ANSWER,
    FaultKind.GATEWAY_ERROR,
    FaultKind.GATEWAY_SLOW,
    FaultKind.GATEWAY_UNREADABLE,
    FaultKind.PUBLISH_FAILS,
    FaultKind.TASK_FAILS,
    FaultKind.STORAGE_FAILS,
}
"""A repetition may fail for more reasons than a call for which somebody waits."""


@dataclass(frozen=True)
class Fault:
    """A fault that strikes at the `nth` place of its kind, counted from 0."""

    kind: FaultKind
    nth: int


class Faults:
    """The fault of the running step, if it has one, and how many have struck by kind and place."""

    def __init__(self) -> None:
        self.struck: Counter[str] = Counter()
        self.is_dead = False
        """The process was killed in this step: nothing it still does has an effect."""
        self.while_paused: Callable[[], None] = _nothing
        """The events while the process stands still."""
        self._armed: Fault | None = None
        self._left = 0
        self._has_struck = False

    def arm(self, fault: Fault | None) -> None:
        """Begin a step, with its fault."""
        self._armed = fault
        self._left = fault.nth if fault else 0
        self.is_dead = self._has_struck = False

    @property
    def has_struck(self) -> bool:
        """True if the fault of this step has struck."""
        return self._has_struck

    @property
    def excuses_requests(self) -> bool:
        """True if what has struck in this step lets a request end with an error."""
        return self.is_dead or self._struck_kind in _FAILS_REQUESTS

    @property
    def excuses_deliveries(self) -> bool:
        """True if what has struck in this step lets a delivery fail: it comes again."""
        return self.is_dead or self._struck_kind in _FAILS_DELIVERIES

    @property
    def _struck_kind(self) -> FaultKind | None:
        return self._armed.kind if self._armed and self._has_struck else None

    def pass_by(self, point: Point, when: str = "before") -> None:
        """Go by a place where the process may be killed, or stand still. Raises Crash."""
        if self.is_dead:
            raise Crash
        if self._strikes(point, FaultKind.CRASH):
            self.struck[f"{FaultKind.CRASH}, {when} {point}"] += 1
            self.is_dead = True
            raise Crash
        if self._strikes(point, FaultKind.PAUSE):
            self.struck[f"{FaultKind.PAUSE}, {when} {point}"] += 1
            self.while_paused()

    def kill(self, where: str) -> None:
        """Kill the process here, whatever fault the step has. Raises Crash."""
        self.struck[f"{FaultKind.CRASH}, {where}"] += 1
        self.is_dead = self._has_struck = True
        raise Crash

    def due(self, point: Point) -> FaultKind | None:
        """The kind of the fault that strikes here, if it is one of the world and not of the process."""
        if self._armed is None or self._armed.kind in _OF_THE_PROCESS or not self._strikes(point, self._armed.kind):
            return None
        self.struck[self._armed.kind] += 1
        return self._armed.kind

    def note(self, what: str) -> None:
        """Count a fault that is a step of its own."""
        self.struck[what] += 1

    def _strikes(self, point: Point, kind: FaultKind) -> bool:
        if self._has_struck or self._armed is None or self._armed.kind is not kind or point not in _PLACES[kind]:
            return False
        self._left -= 1
        self._has_struck = self._left < 0
        return self._has_struck


def _nothing() -> None:
    pass
