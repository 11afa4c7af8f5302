"""What a process of the product keeps in its memory, and loses when it ends."""

from importlib import import_module
from typing import Any

_KEPT = (
    ("shared.sales.expiry", "_scheduled"),
    ("shared.cloud.read_through_cache", "instance_cache"),
    ("shared.waiting_room.rooms", "_memory"),
    ("shared.gateways.registry", "_xendit"),
    ("shared.gateways.registry", "_midtrans"),
    ("shared.gateways.registry", "_sendgrid"),
    ("shared.gateways.registry", "_whatsapp"),
)
"""Tasks that were created, what was read, and what was learnt of the gateways: clients have circuit breakers."""


def forget(*, must_be_there: bool = True) -> None:
    """Begin anew, as after a crash. An older revision may keep nothing in some of these places."""
    for module, name in _KEPT:
        try:
            kept: Any = getattr(import_module(module), name)
        except (ImportError, AttributeError):
            if must_be_there:
                raise
        else:
            (kept.cache_clear if hasattr(kept, "cache_clear") else kept.clear)()
