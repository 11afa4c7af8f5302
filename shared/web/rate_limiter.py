"""Counts callers' requests: each in this instance's memory, and every few of them in the shared counters.

Calling Firestore for every request would add milliseconds to each (7 in the median with the local server on a busy
machine, 1 of processor time on our side) and write one document more often than Firestore recommends. So an instance
counts up to a tenth of what a caller has left before it syncs with the shared counters: of 20 writes a minute it syncs
at the second and each one after it, of 100 reads at the ninth, the seventeenth, and so on to each of the last twenty.
It refuses without a call once it knows that the limit is reached.

A caller can gain what an instance has not synced yet: one write or eight reads for each further instance that
serves them, and nothing where a limit is strict.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.cloud import counters
from shared.cloud.counters import CountersUnavailable
from shared.web.sliding_window import SECONDS, WindowUse, whole

SYNC_SHARE = 10  # an instance keeps a tenth to itself: our functions have ten instances at most
MAX_TALLIES = 20_000  # a few megabytes; whoever came longest ago is forgotten first
TTL_SECONDS = 3 * SECONDS


@dataclass(frozen=True)
class Limit:
    """A number of requests a minute for one caller. Limits of different names are counted apart."""

    name: str
    per_minute: int
    is_strict: bool = False
    """True if each request is counted in the shared counters, and refused when they can't be reached."""
    per_address: int | None = None
    """The requests a minute of one address, with all its callers who are not signed in; None: `per_minute`."""


@dataclass(frozen=True)
class RateLimitStatus:
    """A caller's status under a limit. `wait_seconds` is 0 if the request is admitted."""

    limit: Limit
    remaining: int
    reset_seconds: int
    wait_seconds: int


@dataclass
class _Tally:
    """A caller's requests in one minute, as far as this instance knows."""

    counter: str
    total: int = 0
    unsynced: int = 0
    """The part of `total` that only this instance knows of."""
    is_synced: bool = False
    """True if it was synced while its minute ran, and so contains the others' requests."""

    def is_due(self, limit: Limit, left: int) -> bool:
        """True if this instance has to sync; `left` is how many requests were left before this one."""
        return limit.is_strict or self.unsynced >= max(1, left // SYNC_SHARE)


@dataclass(frozen=True)
class _Account:
    """One caller: the running minute and the one before."""

    current: _Tally
    previous: _Tally

    def use(self, elapsed: float) -> WindowUse:
        return WindowUse(self.current.total, self.previous.total, elapsed)


class RateLimiter:
    """The counts of one instance, safe to use from many threads. `clock` gives Unix time in seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._tallies: OrderedDict[str, _Tally] = OrderedDict()
        self._lock = threading.Lock()

    def spend(self, limit: Limit, callers: Sequence[str]) -> RateLimitStatus:
        """Count one request against each of `callers`, the names of its sender: an address, an account.

        Returns the worst status of them. Requests refused from memory are not counted. If the shared counters can't be
        reached, this instance's count decides; a strict limit raises CountersUnavailable.
        """
        minute, elapsed = divmod(self._clock(), SECONDS)
        with self._lock:
            accounts = [self._account(limit, caller, int(minute)) for caller in callers]
            uses = [account.use(elapsed) for account in accounts]
            if any(use.wait_seconds(limit.per_minute) for use in uses):
                return _refused(limit, uses)
            for account in accounts:
                account.current.total += 1
                account.current.unsynced += 1
            left = [use.left(limit.per_minute) for use in uses]
            must_sync = any(a.current.is_due(limit, n) for a, n in zip(accounts, left, strict=True))
        if must_sync:
            self._sync(limit, accounts)
        with self._lock:
            uses = [account.use(elapsed) for account in accounts]
        if any(use.requests > limit.per_minute for use in uses):
            return _refused(limit, uses)
        return RateLimitStatus(limit, min(use.left(limit.per_minute) for use in uses), whole(SECONDS - elapsed), 0)

    def _account(self, limit: Limit, caller: str, minute: int) -> _Account:
        # A hash, because it spreads the documents' names and keeps addresses out of them.
        name = hashlib.sha256(f"{limit.name} {caller}".encode()).hexdigest()[:40]
        account = _Account(self._tally(f"{name}-{minute}"), self._tally(f"{name}-{minute - 1}"))
        while len(self._tallies) > MAX_TALLIES:
            self._tallies.popitem(last=False)
        return account

    def _tally(self, counter: str) -> _Tally:
        tally = self._tallies.setdefault(counter, _Tally(counter))
        self._tallies.move_to_end(counter)
        return tally

    def _sync(self, limit: Limit, accounts: list[_Account]) -> None:
        """Add what only this instance has counted to the shared counters, and read their totals."""
        with self._lock:
            tallies = [account.current for account in accounts]
            tallies += [account.previous for account in accounts if not account.current.is_synced]
            pending = {tally.counter: tally.unsynced for tally in tallies}
            for tally in tallies:
                tally.unsynced = 0
        try:
            expires_at = datetime.now(UTC) + timedelta(seconds=TTL_SECONDS)
            totals = counters.add(pending, expires_at=expires_at, is_strict=limit.is_strict)
        except CountersUnavailable:
            with self._lock:
                for tally in tallies:
                    tally.unsynced += pending[tally.counter]
            if limit.is_strict:
                raise
            return
        with self._lock:
            for tally in tallies:
                tally.total = max(tally.total, totals[tally.counter] + tally.unsynced)
            for account in accounts:
                account.current.is_synced = True


def _refused(limit: Limit, uses: list[WindowUse]) -> RateLimitStatus:
    wait = max(use.wait_seconds(limit.per_minute) for use in uses)
    return RateLimitStatus(limit, 0, wait, wait)
