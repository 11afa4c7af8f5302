"""The least that a function could cost: one that answers at once, made by functions-framework, on the product's server.

    python -m tests.benchmarks.empty_function PORT [FUNCTION FILE]

It has the workers and threads of the product beside it, and is sent the same bytes. Functions that do a little more are
served in the same way (`layers.py`).
"""

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import functions_framework
import psutil
import requests

from infra.local import serve
from infra.local.layout import HOST, WEB_THREADS, WEB_WORKERS, free_port
from tests.benchmarks import load, processor
from tests.benchmarks.load import Load
from tests.stack import ROOT
from tests.waiting import until

SOURCE = Path(__file__).parent / "empty" / "main.py"


@dataclass(frozen=True)
class EmptyRun:
    """The responses of the empty function, and the processor seconds of its workers."""

    load: Load
    web_seconds: float

    @property
    def milliseconds(self) -> float:
        """The processor time that the web used for each."""
        return self.web_seconds / max(len(self.load.accepted), 1) * 1000


class EmptyFunction:
    """The running server at `port`."""

    def __init__(self, process: psutil.Process, port: int) -> None:
        self._process = process
        self._port = port

    def measure(self, requests: Sequence[bytes], *, buyers: int, seconds: float) -> EmptyRun:
        """Have `buyers` at a time call it for `seconds`, with these requests over and over."""
        before = processor.used(self._process)
        answered = load.send((HOST, self._port), itertools.cycle(requests), buyers=buyers, seconds=seconds)
        return EmptyRun(answered, processor.used(self._process) - before)


@contextmanager
def running(
    target: str = "empty",
    source: Path = SOURCE,
    environment: Mapping[str, str] | None = None,
    *,
    unasked: int = load.ACCEPTED,
) -> Iterator[EmptyFunction]:
    """Start the server in processes of its own; stop it at the end. `unasked` is how it answers an empty request."""
    port = free_port()
    command = [sys.executable, "-m", "tests.benchmarks.empty_function", str(port), target, str(source)]
    server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **(environment or {})})
    try:
        until(lambda: _answers(port, unasked), what="for the empty function")
        yield EmptyFunction(psutil.Process(server.pid), port)
    finally:
        server.terminate()
        server.wait()


def _answers(port: int, status: int) -> bool:
    try:
        return requests.post(f"http://{HOST}:{port}/", timeout=2).status_code == status
    except requests.RequestException:
        return False


def main() -> None:
    """Serve the function until SIGTERM."""
    workers = int(os.environ.get("WEB_WORKERS", WEB_WORKERS))
    threads = int(os.environ.get("WEB_THREADS", WEB_THREADS))
    port, target, source = int(sys.argv[1]), *(sys.argv[2:] or ["empty", str(SOURCE)])
    build = lambda: functions_framework.create_app(target, source, "http")  # noqa: E731 - each worker makes its own
    serve.serve(build, port, workers=workers, threads=threads)


if __name__ == "__main__":
    main()
