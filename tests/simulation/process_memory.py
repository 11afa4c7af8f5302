"""The memory of a process of the product, which it loses when it ends."""

from importlib import import_module
from operator import attrgetter
from typing import Any

_KEPT = (
    ("shared.sales.expiry", "_scheduled"),
    ("shared.cloud.read_through_cache", "instance_cache"),
    ("shared.cloud.cache", "reset"),
    ("shared.cloud.counters", "reset"),
    ("shared.web.rate_limits", "_rate_limiter._tallies"),
    ("shared.waiting_room.rooms", "_memory"),
    ("shared.gateways.registry", "_xendit"),
    ("shared.gateways.registry", "_midtrans"),
    ("shared.gateways.registry", "_sendgrid"),
    ("shared.gateways.registry", "_whatsapp"),
)
"""Tasks that were created, what was read and counted, what was learnt of gateways: clients have circuit breakers."""


def forget(*, must_be_there: bool = True) -> None:
    """Begin anew, as after a crash. An older revision may keep nothing in some of these places."""
    for module, name in _KEPT:
        try:
            kept: Any = attrgetter(name)(import_module(module))
        except (ImportError, AttributeError):
            if must_be_there:
                raise
        else:
            _forget(kept)


def _forget(kept: Any) -> None:
    """Empty what has a way to be emptied, else call what empties it."""
    next((getattr(kept, way) for way in ("cache_clear", "clear") if hasattr(kept, way)), kept)()
