"""Runs a module as a child that does not outlive its parent: `python -m infra.local.child MODULE ARGUMENT...`."""

import os
import runpy
import signal
import sys
import threading

_LOOK_EVERY_SECONDS = 0.2


def end_with_parent() -> None:
    """Send this process SIGTERM once its parent is gone, be it by kill -9."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            pause.wait(_LOOK_EVERY_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    pause = threading.Event()
    threading.Thread(target=watch, name="parent", daemon=True).start()


def until_told() -> None:
    """Wait for a line on stdin (`--when-told`). Ends this process where the parent is gone."""
    if not sys.stdin.readline():
        sys.exit()


if __name__ == "__main__":
    end_with_parent()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
