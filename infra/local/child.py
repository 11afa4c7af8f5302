"""A process of a local run: forked from one that has imported everything, told when to serve, never outliving it.

Importing takes longer than all else of a start, so it is done once.
"""

import atexit
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

_FORK = multiprocessing.get_context("fork")
_LOOK_EVERY_SECONDS = 0.2
_STOP_WITHIN_SECONDS = 15


class Child:
    """A process that runs `serve` once it is told to, and then ends.

    Make it while its parent has a single thread and no connection: it begins with a copy of everything.
    """

    def __init__(self, serve: Callable[[], int | None]) -> None:
        reading, self._told = os.pipe()
        self._process = _FORK.Process(target=_live, args=(serve, reading, self._told))
        self._process.start()
        os.close(reading)

    @property
    def pid(self) -> int | None:
        """Its number."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """The exit status, if it has ended."""
        return self._process.exitcode

    def tell(self) -> None:
        """Have it serve. One that has ended is noticed by who waits for its answer."""
        with suppress(BrokenPipeError):
            os.write(self._told, b"\n")
        os.close(self._told)

    def wait(self, seconds: float) -> int | None:
        """Wait that long for its end; how it has ended, if it has."""
        self._process.join(seconds)
        return self.exit_status

    def stop(self) -> None:
        """End it, gently at first."""
        self._process.terminate()
        if self.wait(_STOP_WITHIN_SECONDS) is None:
            self._process.kill()
            self._process.join()


def end_with_parent() -> None:
    """Send this process SIGTERM once its parent is gone, be it by kill -9."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            pause.wait(_LOOK_EVERY_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    pause = threading.Event()
    threading.Thread(target=watch, name="parent", daemon=True).start()


def _live(serve: Callable[[], int | None], told: int, telling: int) -> None:
    os.close(telling)  # else we would never see that nobody is left who could tell
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    end_with_parent()
    if os.read(told, 1):
        try:
            sys.exit(serve())
        finally:
            atexit._run_exitfuncs()  # which multiprocessing leaves out; of a worker forked meanwhile too
