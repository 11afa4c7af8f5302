"""Serves a WSGI application with gunicorn: `python -m infra.local.serve {web,simulators} --port N`.

With `--when-told` it imports everything, and listens once a line comes in on stdin.
"""

import argparse
import importlib
import os
import pkgutil
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication

from infra.local import child
from infra.local.layout import HOST


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


_GOOGLE_CLIENTS = ("firestore", "pubsub_v1", "secretmanager_v1", "storage", "tasks_v2")


def _import_web() -> None:
    """Import what every worker of the web server needs, once and before they are forked.

    The functions' own modules are left to the workers: they set up the application that is being created.
    """
    import shared
    from infra.local import web  # noqa: F401

    for module in pkgutil.walk_packages(shared.__path__, "shared."):
        importlib.import_module(module.name)
    for name in _GOOGLE_CLIENTS:
        importlib.import_module(f"google.cloud.{name}")


def _import_simulators() -> None:
    from infra.local.simulators import application  # noqa: F401


def _web() -> Any:
    from infra.local.web import Web

    return Web(os.environ["LOCAL_STORE_URL"])


def _simulators() -> Any:
    from infra.local.simulators import application as simulators
    from infra.local.web import simulator_settings

    return simulators.application(os.environ["LOCAL_STORE_URL"], simulator_settings())


_APPLICATIONS = {"web": (_import_web, _web), "simulators": (_import_simulators, _simulators)}


def main() -> None:
    """Serve until SIGTERM: finish what is running, then end."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.serve")
    parser.add_argument("application", choices=_APPLICATIONS)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--when-told", action="store_true")
    chosen = parser.parse_args()
    prepare, build = _APPLICATIONS[chosen.application]
    child.end_with_parent()
    os.environ["THREADS"] = str(chosen.threads)  # as functions-framework is told it
    options = {
        "bind": f"{HOST}:{chosen.port}",
        "workers": chosen.workers,
        "threads": chosen.threads,
        "worker_class": "gthread",
        "keepalive": 30,
        "backlog": 1024,
        "timeout": 0,
        "graceful_timeout": 10,
        "loglevel": "error",
        "control_socket_disable": True,
    }
    prepare()
    if chosen.when_told:
        child.until_told()
    Server(build, options).run()


if __name__ == "__main__":
    main()
