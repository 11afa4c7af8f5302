"""Hands functions-framework the entry point of one function, so that one image serves them all; run, it serves it.

Only the asked function is imported: a cold start pays for nothing else. FUNCTION_TARGET names it (a folder of
functions/).
"""

import importlib
import os
from pathlib import Path
from typing import Any

_FUNCTIONS = Path(__file__).parent / "functions"


def __getattr__(name: str) -> Any:
    """The entry point of the function `name`. Raises AttributeError where there is none."""
    if name.startswith("_") or not (_FUNCTIONS / name / "main.py").is_file():
        raise AttributeError(f"there is no function {name!r}")
    return importlib.import_module(f"functions.{name}.main").main


def serve() -> None:
    """Serve FUNCTION_TARGET on HOST and PORT, as the command `functions-framework` does, and never end an idle worker.

    gunicorn ends a worker with threads whose heartbeat is 30 seconds old. An idle instance has no processor for one,
    and would lose its worker to the first request that wakes it (docs/reference/google-cloud.md).
    """
    from functions_framework import create_app
    from functions_framework._http import create_server

    app = create_app(os.environ["FUNCTION_TARGET"], __file__, "http")  # type: ignore[no-untyped-call]
    heartbeat = {} if os.environ.get("THREADS") == "1" else {"timeout": 0}  # of one thread: the request's time-out
    server = create_server(app, False, **heartbeat)  # type: ignore[no-untyped-call]
    server.run(os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "8080")))  # noqa: S104


if __name__ == "__main__":
    serve()
