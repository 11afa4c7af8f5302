"""Processes of the product, forked from one that has imported it: that takes half the processor time of a start.

Each worker of the tests starts such a process once (multiprocessing's fork server).
"""

import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import TextIO

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.imported"])


def start(main: Callable[[], int], environment: Mapping[str, str]) -> tuple[ForkServerProcess, TextIO]:
    """Run `main` in a process group of its own, with this environment; the process, and what it prints."""
    reading, writing = _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(target=_run, args=(main, dict(environment), writing))
    process.start()
    writing.close()
    with reading:
        return process, os.fdopen(os.dup(reading.fileno()), encoding="utf-8", errors="replace")


def command(module: str) -> Callable[[], int]:
    """The argument with which `start` runs `python -m module` instead: a program of its own, which imports all anew."""
    return partial(os.execv, sys.executable, [sys.executable, "-m", module])


def _run(main: Callable[[], int], environment: Mapping[str, str], output: Connection) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    with output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    sys.exit(main())
