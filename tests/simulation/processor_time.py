"""The processor time that a run has taken, in Python and in PostgreSQL."""

import os
from contextlib import suppress

import psutil


def python_seconds() -> float:
    """The seconds of this process and of its workers that have ended."""
    return sum(os.times()[:4])


def server_seconds(pid: int) -> float:
    """The seconds of a server: its own, of its sessions, and of those that have ended."""
    server = psutil.Process(pid)
    taken = sum(server.cpu_times()[:4])  # with those of processes that have ended
    for session in server.children():
        with suppress(psutil.NoSuchProcess):
            taken += sum(session.cpu_times()[:2])
    return taken
