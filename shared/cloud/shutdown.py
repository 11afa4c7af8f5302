"""Shutdown of an instance: gunicorn finishes its requests, then clients are flushed and closed.

Cloud Run sends SIGTERM and waits ten seconds. gunicorn, which functions-framework serves with, takes no more requests,
lets the running ones finish and exits, which runs this module's `atexit` hook. A request that is cut off all the same
loses nothing: what its transaction has committed is in the outbox, and the rest is rolled back.
"""

import atexit
import logging
from contextlib import ExitStack
from functools import lru_cache

from shared.cloud import clients, tracing

log = logging.getLogger(__name__)


@lru_cache(maxsize=1)
def register() -> None:
    """Register the shutdown of this process, once, however many functions it serves."""
    atexit.register(close_all)


def close_all() -> None:
    """Flush spans and messages, and close database connections. A failure of one does not prevent the others."""
    with ExitStack() as closing:
        if clients.engine.is_built:
            closing.callback(clients.engine().dispose)
            log.info("instance.ended")
        if clients.replica_engine.is_built:
            closing.callback(clients.replica_engine().dispose)
        if clients.publisher.is_built:
            closing.callback(clients.publisher().stop)
        if tracing.provider.is_built:
            closing.callback(tracing.provider().shutdown)
