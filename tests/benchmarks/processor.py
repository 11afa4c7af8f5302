"""Processor time that the product's processes have used."""

import time

import psutil
from sqlalchemy import Engine, text

from tests.waiting import until

_LOOKED_AT_SECONDS = 0.5


def database_server(engine: Engine) -> psutil.Process:
    """The parent of PostgreSQL's processes."""
    with engine.connect() as connection:
        backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    parent = psutil.Process(backend).parent()
    assert parent
    return parent


def used(process: psutil.Process) -> float:
    """User and system seconds of a process, of its children, and of the children it has outlived."""
    own = process.cpu_times()
    ended = own.children_user + own.children_system
    return own.user + own.system + ended + sum(_used(child) for child in process.children(recursive=True))


def until_idle(process: psutil.Process) -> None:
    """Wait until a process has next to nothing left to do of what came before."""

    def is_idle() -> bool:
        before = used(process)
        time.sleep(_LOOKED_AT_SECONDS)
        return used(process) - before < _LOOKED_AT_SECONDS / 10

    until(is_idle, seconds=300, what="for the workers to have nothing to do")


def _used(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system
