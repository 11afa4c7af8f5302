"""Instances of a function, as this process plays them."""

from shared.cloud import cache, read_through_cache


def new_instance() -> None:
    """Forget what this process knows; what is shared stays."""
    cache.reset()
    read_through_cache.instance_cache.clear()
