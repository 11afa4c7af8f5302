"""Processor time that the product's processes have used."""

import psutil
from sqlalchemy import Engine, text


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


def _used(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system
