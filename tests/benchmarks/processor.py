"""How much processor time the product's processes have used."""

import psutil
from sqlalchemy import Engine, text


def web_server() -> psutil.Process:
    """The parent of the web workers that this process started."""
    serving = [
        child
        for child in psutil.Process().children(recursive=True)
        if {"infra.local.serve", "web"} <= set(_words(child))
    ]
    return next(process for process in serving if process.ppid() not in {each.pid for each in serving})


def database_server(engine: Engine) -> psutil.Process:
    """The parent of PostgreSQL's processes."""
    with engine.connect() as connection:
        backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    parent = psutil.Process(backend).parent()
    assert parent
    return parent


def option(process: psutil.Process, name: str) -> str:
    """The value of an option on a process's command line."""
    words = _words(process)
    return words[words.index(name) + 1]


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


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []
