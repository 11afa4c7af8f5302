"""The product to be measured: started as a user starts it, on a database server that both sides share."""

import os
import platform
import secrets as random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil
from sqlalchemy import Engine, text

from infra.local.layout import WEB_THREADS
from infra.local.postgres import Postgres
from shared.cloud import secrets
from shared.cloud.settings import settings
from shared.identity import tokens
from tests.benchmarks import processor, sampling
from tests.people import World
from tests.stack import Stack

_DATABASE_SETTINGS = {"max_connections": "400"}  # the baseline wants a connection for each of its 200 clients
_TOKENS_VALID_SECONDS = 86_400


@dataclass(frozen=True)
class Product:
    """A running product, its database, and the parents of the processes whose time is counted."""

    world: World
    address: tuple[str, int]
    server: Postgres
    database: Engine
    folder: Path
    web: psutil.Process
    postgres: psutil.Process

    def describe(self) -> list[str]:
        """The machine, the versions and the sizes that the figures belong to."""
        with self.database.connect() as connection:
            version = connection.execute(text("SHOW server_version")).scalar_one()
        memory = psutil.virtual_memory().total / 2**30
        return [
            f"{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}, {psutil.cpu_count()} cores, {memory:.0f} GB RAM, "
            f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, PostgreSQL {version}",
            f"{len(self.web.children())} web workers with {WEB_THREADS} threads each; "
            f"the load generator, PostgreSQL and the product with its local cloud share this "
            f"machine (load before: {os.getloadavg()[0]:.1f})",
        ]


@contextmanager
def running() -> Iterator[Product]:
    """Start the product in a folder of its own; stop it and remove the folder at the end."""
    key = random.token_urlsafe(32)
    os.environ["ACCESS_TOKEN_SECONDS"] = str(_TOKENS_VALID_SECONDS)
    settings.cache_clear()
    secrets.provide({tokens.KEY: key})
    folder = Path(tempfile.mkdtemp(prefix="karcis-benchmarks-", dir="/var/tmp"))  # a disk, where /tmp may be memory
    folder.chmod(0o755)  # PostgreSQL may have to run as another user
    server = Postgres(folder / "postgres", settings=_DATABASE_SETTINGS)
    stack = Stack(folder, main=sampling.main, JWT_SIGNING_KEY=key, RATE_LIMITS="off")
    try:
        server.start()
        stack.start()
        with stack.database() as database:
            address = ("127.0.0.1", stack.port)
            web, postgres = stack.server("web"), processor.database_server(database)
            yield Product(World(stack), address, server, database, folder, web, postgres)
    finally:
        stack.stop()
        shutil.rmtree(folder)
