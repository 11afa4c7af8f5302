"""Starts one function as its image does: functions-framework in a process of its own, and the root main.py."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from infra.local.layout import free_port
from tests import processes
from tests.stack import ROOT
from tests.waiting import until

COMMAND = (sys.executable, "main.py")
NOBODY_THERE = "postgresql+pg8000://nobody@127.0.0.1:1/karcis"


@dataclass
class Served:
    """A function that answers at `url`, prints into `printed`, and runs as process `pid`."""

    port: int
    printed: Path
    pid: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def lines(self) -> list[dict[str, Any]]:
        """Its log lines. A line that isn't JSON is an error."""
        return [json.loads(line) for line in self.printed.read_text(encoding="utf-8").splitlines()]


@contextmanager
def served(
    name: str,
    output: Path,
    *,
    folder: Path = ROOT,
    command: Sequence[str] = COMMAND,
    look_every: float | None = None,
    **settings: str,
) -> Iterator[Served]:
    """The function `name`, without a database; further settings are environment variables.

    What it prints is put into `output`. It is started in `folder`, by another `command` where one is given.
    Who measures it says how often to look whether it answers.
    """
    processes.check()
    found = Served(free_port(), output / "printed")
    environment = {
        "FUNCTION_TARGET": name,
        "HOST": "127.0.0.1",
        "PORT": str(found.port),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "K_SERVICE": name,
        "BCRYPT_COST": "12",  # the cloud refuses that of the other tests
        "FUNCTION": name,
        "GOOGLE_CLOUD_PROJECT": "example-karcis",
        "DATABASE_URL": NOBODY_THERE,
        "RATE_LIMITS": "off",
        **settings,
    }
    with (
        found.printed.open("w") as printed,
        subprocess.Popen(
            command, cwd=folder, env=os.environ | environment, stdout=printed, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            found.pid = process.pid
            ends_or_answers = lambda: process.poll() is not None or _answers(found.url)  # noqa: E731
            until(ends_or_answers, what="for it to answer", look_every=look_every)
            yield found
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/health/live", timeout=1).ok
    except (requests.ConnectionError, requests.Timeout):
        return False
