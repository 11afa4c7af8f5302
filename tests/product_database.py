"""The database that the product uses in this process."""

import os

from shared.cloud import clients
from shared.cloud.settings import settings


def use(url: str) -> None:
    """Let the product's settings name this database, and forget the connections to the last one."""
    os.environ["DATABASE_URL"] = url
    settings.cache_clear()
    clients.engine.provide(None)
