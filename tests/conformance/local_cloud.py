"""Our server of the cloud's services as a real process, which tests may kill."""

import contextlib
import json
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, TextIO

import requests

from infra.local.cloud import server
from infra.local.layout import free_port
from tests import forked, processes
from tests.waiting import PATIENCE_SECONDS


class LocalCloud:
    """Runs `infra.local.cloud.server` on ports it keeps over a restart."""

    def __init__(self, database_url: str, folder: Path, jobs: Sequence[Mapping[str, Any]] = ()) -> None:
        self.database_url = database_url
        self.grpc_address = f"127.0.0.1:{free_port()}"
        self.http_url = f"http://127.0.0.1:{free_port()}"
        self._jobs = folder / "jobs.json"
        self._jobs.write_text(json.dumps(list(jobs)))
        self._process: ForkServerProcess | None = None

    def start(self) -> None:
        """Start the server and wait until it says that it is ready."""
        processes.check()
        grpc_port, http_port = self.grpc_address.rpartition(":")[2], self.http_url.rpartition(":")[2]
        arguments = ["--database-url", self.database_url, "--grpc-port", grpc_port, "--http-port", http_port]
        main = partial(server.main, [*arguments, "--jobs", str(self._jobs)])
        self._process, output = forked.start(main, os.environ)
        said = []
        for line in output:
            said.append(line)
            if line == "ready\n":
                threading.Thread(target=_drain, args=(output,), daemon=True).start()
                return
        output.close()
        raise RuntimeError(f"the local cloud did not start:\n{''.join(said)[-4000:]}")

    def stop(self, *, kill: bool = False) -> int:
        """End it, with SIGKILL if asked, and return its exit status."""
        assert self._process is not None
        assert self._process.pid is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGKILL if kill else signal.SIGTERM)
        self._process.join(PATIENCE_SECONDS)
        assert self._process.exitcode is not None, "it does not end"
        return self._process.exitcode

    def restart(self, *, kill: bool = True) -> None:
        """End it and start it again on the same database and ports."""
        self.stop(kill=kill)
        self.start()

    def state(self) -> dict[str, Any]:
        """The content of /state.json."""
        content: dict[str, Any] = requests.get(f"{self.http_url}/state.json", timeout=PATIENCE_SECONDS).json()
        return content


def _drain(output: TextIO) -> None:
    """Read what it says until it has ended, so that it never waits for a reader."""
    with output:
        for _ in output:
            pass


@contextlib.contextmanager
def running(database_url: str, folder: Path, jobs: Sequence[Mapping[str, Any]] = ()) -> Iterator[LocalCloud]:
    """A local cloud for as long as the block lasts; `jobs` have the fields of `scheduler.Job`."""
    cloud = LocalCloud(database_url, folder, jobs)
    cloud.start()
    try:
        yield cloud
    finally:
        cloud.stop()
