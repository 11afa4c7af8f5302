"""Serves the product, and the simulators, with gunicorn."""

import importlib
import os
import pkgutil
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

import shared
from infra.local.layout import HOST
from shared.web.rules import Rule

GOOGLE_CLIENTS = ("firestore", "pubsub_v1", "secretmanager_v1", "storage", "tasks_v2")


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn with threads, as functions-framework runs it; each worker builds its own application."""

    def __init__(self, build: Callable[[], Any], options: dict[str, Any]) -> None:
        self._build = build
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        """Take our options instead of a command line's."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Build the application, in the worker."""
        return self._build()


def import_everything() -> None:
    """Import what the servers need, once and before they are forked.

    The functions' own modules are left to the workers: they set up the application that is being created.
    """
    from infra.local import web  # noqa: F401

    import_packages()


@lru_cache(maxsize=1)
def import_packages() -> None:
    """Import the product's packages and Google's clients: nothing that reads the environment."""
    for module in pkgutil.walk_packages(shared.__path__, "shared."):
        importlib.import_module(module.name)
    for name in GOOGLE_CLIENTS:
        importlib.import_module(f"google.cloud.{name}")


def product(port: int, *, workers: int, threads: int) -> None:
    """Serve the product until SIGTERM: finish what is running, then end."""
    from infra.local.web import Web

    serve(lambda: Web(os.environ["LOCAL_STORE_URL"]), port, workers=workers, threads=threads)


def simulators(port: int) -> None:
    """Serve the simulators likewise."""
    from infra.local.simulators import application
    from infra.local.web import simulator_settings

    store_url = os.environ["LOCAL_STORE_URL"]
    serve(lambda: application.application(store_url, simulator_settings()), port, workers=1, threads=16)


def serve(build: Callable[[], Any], port: int, *, workers: int, threads: int) -> None:
    """Serve an application until SIGTERM, with the options that every server of a local run has."""
    os.environ["THREADS"] = str(threads)  # as functions-framework is told it
    Flask.url_rule_class = Rule  # each function's application has some of its own
    options = {
        "bind": f"{HOST}:{port}",
        "workers": workers,
        "threads": threads,
        "worker_class": "gthread",
        "keepalive": 30,
        "backlog": 1024,
        "limit_request_line": 0,  # as functions-framework sets it: forms of many tiers are long addresses
        "timeout": 0,
        "graceful_timeout": 10,
        "loglevel": "error",
        "control_socket_disable": True,
    }
    Server(build, options).run()
