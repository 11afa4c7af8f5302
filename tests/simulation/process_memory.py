"""What a process of the product keeps in its memory, and loses when it ends."""

from shared.cloud.read_through_cache import instance_cache
from shared.gateways import registry
from shared.sales import expiry
from shared.waiting_room import rooms


def forget() -> None:
    """Begin anew, as after a crash: tasks that were created, what was read, what was learnt of the gateways."""
    expiry._scheduled.clear()
    instance_cache.clear()
    rooms._memory.clear()
    for client in (registry._xendit, registry._midtrans, registry._sendgrid, registry._whatsapp):
        client.cache_clear()  # with its circuit breaker
