"""Samples of the web workers' processor time: a stack for each few milliseconds that a worker has used.

The kernel's profiling timer interrupts the thread that uses the processor, wherever it is, and faulthandler writes its
stack without waiting for Python's lock. Looking from another Python thread would see threads only where they wait.
A stack is read as it is, also in the middle of a change: once in some thousand samples that ends a worker, gunicorn
starts another, and what the first has written counts. So nothing but processor time is to be concluded from such a run.
"""

import faulthandler
import os
import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, TextIO

import psutil

from infra.local import run
from tests.waiting import until

TOGGLE = signal.SIGRTMIN + 5
"""Tells a worker to begin, and again to end."""
_INTERVAL_SECONDS = 0.001  # of processor time; the kernel's clock ticks more coarsely
_UNFINISHED = ".part"
_FRAME = re.compile(r'^ +File "(.+)", line \d+ in (.+)$')


class Frame(NamedTuple):
    """A call of a stack."""

    file: str
    function: str


Stack = Sequence[Frame]
"""The innermost call first."""


def main() -> int:
    """Run the product; its processes inherit that they can be sampled."""
    signal.signal(signal.SIGPROF, signal.SIG_IGN)  # again, once sampling has ended: one may be on its way
    signal.signal(TOGGLE, lambda *_: _toggle())
    return run.main()


_written: list[TextIO] = []


def _toggle() -> None:
    """Begin to write this process's stacks, or end it and give the file its final name."""
    path = _file(Path(os.environ["DATA_DIR"]), os.getpid())
    if not _written:
        _written.append(path.with_suffix(_UNFINISHED).open("w", encoding="utf-8"))
        faulthandler.register(signal.SIGPROF, _written[0], all_threads=False)
        signal.setitimer(signal.ITIMER_PROF, _INTERVAL_SECONDS, _INTERVAL_SECONDS)
        return
    signal.setitimer(signal.ITIMER_PROF, 0)
    faulthandler.unregister(signal.SIGPROF)
    _written.pop().close()
    path.with_suffix(_UNFINISHED).rename(path)


@contextmanager
def sampled(workers: Sequence[psutil.Process], folder: Path) -> Iterator[list[Stack]]:
    """Sample these workers during the block. The list is filled when it ends."""
    stacks: list[Stack] = []
    _tell(workers)
    yield stacks
    _tell(workers)
    for worker in workers:
        file = _file(folder, worker.pid)
        until(lambda: file.exists() or not worker.is_running(), what="for a worker's samples")  # noqa: B023 - at once
        written = file if file.exists() else file.with_suffix(_UNFINISHED)
        stacks.extend(_read(written.read_text(encoding="utf-8")))
        written.unlink()


def _tell(workers: Sequence[psutil.Process]) -> None:
    for worker in workers:
        with suppress(psutil.NoSuchProcess):
            worker.send_signal(TOGGLE)


def _file(folder: Path, pid: int) -> Path:
    return folder / f"stacks-{pid}.txt"


def _read(written: str) -> Iterator[Stack]:
    for dump in re.split(r"^.*most recent call first.*$", written, flags=re.MULTILINE)[1:]:
        frames = [Frame(*found.groups()) for line in dump.splitlines() if (found := _FRAME.match(line))]
        if frames:
            yield frames
