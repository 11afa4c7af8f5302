"""Our server of the cloud's services as a real process, which tests may kill."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from infra.local.layout import free_port
from tests import processes
from tests.waiting import PATIENCE_SECONDS

_ROOT = Path(__file__).parents[2]


class LocalCloud:
    """Runs `infra.local.cloud.server` on ports it keeps over a restart."""

    def __init__(self, database_url: str, folder: Path, jobs: Sequence[Mapping[str, Any]] = ()) -> None:
        self.database_url = database_url
        self.grpc_address = f"127.0.0.1:{free_port()}"
        self.http_url = f"http://127.0.0.1:{free_port()}"
        self._log = folder / "local-cloud.log"
        self._jobs = folder / "jobs.json"
        self._jobs.write_text(json.dumps(list(jobs)))
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the server and wait until it says that it is ready."""
        processes.check()
        grpc_port, http_port = self.grpc_address.rpartition(":")[2], self.http_url.rpartition(":")[2]
        command = [sys.executable, "-m", "infra.local.cloud.server", "--database-url", self.database_url]
        command += ["--grpc-port", grpc_port, "--http-port", http_port, "--jobs", str(self._jobs)]
        with self._log.open("a") as log:
            self._process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        if said.strip() != "ready":
            raise RuntimeError(f"the local cloud did not start:\n{self._log.read_text()[-4000:]}")

    def stop(self, *, kill: bool = False) -> int:
        """End it, with SIGKILL if asked, and return its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        with self._process:
            return self._process.wait(timeout=PATIENCE_SECONDS)

    def restart(self, *, kill: bool = True) -> None:
        """End it and start it again on the same database and ports."""
        self.stop(kill=kill)
        self.start()

    def state(self) -> dict[str, Any]:
        """The content of /state.json."""
        content: dict[str, Any] = requests.get(f"{self.http_url}/state.json", timeout=PATIENCE_SECONDS).json()
        return content


@contextlib.contextmanager
def running(database_url: str, folder: Path, jobs: Sequence[Mapping[str, Any]] = ()) -> Iterator[LocalCloud]:
    """A local cloud for as long as the block lasts; `jobs` have the fields of `scheduler.Job`."""
    cloud = LocalCloud(database_url, folder, jobs)
    cloud.start()
    try:
        yield cloud
    finally:
        cloud.stop()
