"""Runs the tests in several processes, `--workers 4`, each forked from the one that has collected them.

Collecting imports the whole product: it is done once, whatever the number of workers. A worker takes one group of files
after the other (tests/scheduling.py), and looks at the next one before it runs the last test of a group, since pytest
keeps the fixtures that the next test shares. When a worker dies, the test that it ran fails, and another one goes on.
"""

import contextlib
import itertools
import multiprocessing
import os
import signal
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

import pytest

from tests import forked, processes, scheduling


class Parallel:
    """The plugin that takes the place of pytest's own loop."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run all tests, unless they are only collected or some could not be."""
        if session.testsfailed or session.config.option.collectonly:
            return None
        Run(session).run(self._workers)
        return True


@dataclass(eq=False)
class Worker:
    """A forked process, and the tests that it has been given and not finished, by their places."""

    pid: int
    connection: Connection
    open: list[int] = field(default_factory=list)


class Run:
    """One run of a session's tests, as the process that has collected them sees it."""

    def __init__(self, session: pytest.Session) -> None:
        self._session, self._items = session, session.items
        self._places = {item.nodeid: place for place, item in enumerate(self._items)}
        self._groups = deque(scheduling.groups(self._items))
        self._workers: dict[Connection, Worker] = {}

    def run(self, workers: int) -> None:
        """Run every group, and report what the workers tell."""
        if any(item.get_closest_marker(processes.MARK) for item in self._items):
            forked.share()
        self._session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined] - theirs are in it
        try:
            for _ in range(min(workers, len(self._groups))):
                self._start()
            while self._workers:
                for connection in wait(list(self._workers)):
                    self._hear(self._workers[connection])  # type: ignore[index]
        finally:
            for worker in list(self._workers.values()):
                os.kill(worker.pid, signal.SIGINT)
                self._end(worker)

    def _start(self) -> None:
        ours, theirs = multiprocessing.Pipe()
        pid = os.fork()
        if pid == 0:
            for each in (ours, *self._workers):
                each.close()
            _live(self._session, theirs)
        theirs.close()
        self._workers[ours] = Worker(pid, ours)

    def _hear(self, worker: Worker) -> None:
        """Take a message of a worker: a report, or nothing, which asks for another group."""
        try:
            message = worker.connection.recv()
        except (EOFError, ConnectionError):
            self._end(worker)
            self._replace(worker)
            return
        if message is None:
            group = self._groups.popleft() if self._groups else None
            worker.open += group or ()
            with contextlib.suppress(ConnectionError):  # it has died meanwhile
                worker.connection.send(group)
        else:
            self._report(worker, self._hook.pytest_report_from_serializable(config=self._session.config, data=message))

    def _report(self, worker: Worker, report: pytest.TestReport) -> None:
        self._hook.pytest_runtest_logreport(report=report)
        if report.when == "teardown":
            worker.open.remove(self._places[report.nodeid])
            self._hook.pytest_runtest_logfinish(nodeid=report.nodeid, location=report.location)
        if self._session.shouldfail:
            raise self._session.Failed(self._session.shouldfail)

    def _end(self, worker: Worker) -> None:
        """Wait for its end."""
        del self._workers[worker.connection]
        worker.connection.close()
        os.waitpid(worker.pid, 0)

    def _replace(self, worker: Worker) -> None:
        """Let another worker go on after the test at which one has died, if it has."""
        if not worker.open:
            assert not self._groups, "a worker has died between tests"
            return
        ran, *left = worker.open
        if left:
            self._groups.appendleft(left)
        item = self._items[ran]
        words = "the process that ran this test has died"
        died = pytest.TestReport(item.nodeid, item.location, {}, "failed", words, "call")
        self._hook.pytest_runtest_logreport(report=died)
        self._start()

    @property
    def _hook(self) -> Any:
        return self._session.config.hook


class Reporter:
    """The plugin of a worker that sends what pytest reports."""

    def __init__(self, config: pytest.Config, connection: Connection) -> None:
        self._config, self._connection = config, connection

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Send a report."""
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._connection.send(data)


def _live(session: pytest.Session, connection: Connection) -> None:
    """Be a worker, to the end of this process."""
    status = 1
    try:
        _separate(session.config)
        session.config.pluginmanager.register(Reporter(session.config, connection))
        _work(session, connection)
        status = 0
    except BaseException:  # noqa: BLE001 - the process ends whatever it is
        traceback.print_exc()
    finally:
        os._exit(status)


def _separate(config: pytest.Config) -> None:
    """Share neither the terminal nor captured output nor folders with the others."""
    plugins = config.pluginmanager
    plugins.unregister(name="terminalreporter")
    capture: Any = plugins.getplugin("capturemanager")
    capture.stop_global_capturing()
    capture.start_global_capturing()
    capture.suspend_global_capture(in_=True)
    folders: Any = config._tmp_path_factory  # type: ignore[attr-defined]
    folders._basetemp = folders.getbasetemp() / f"worker-{os.getpid()}"
    folders._basetemp.mkdir(mode=0o700)


def _work(session: pytest.Session, connection: Connection) -> None:
    """Run what is given; however that ends, leave no fixture behind."""
    try:
        given: Iterator[pytest.Item | None] = itertools.chain(_given(session.items, connection), [None])
        for item, following in itertools.pairwise(given):
            assert item
            session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        session._setupstate.teardown_exact(None)


def _given(items: Sequence[pytest.Item], connection: Connection) -> Iterator[pytest.Item]:
    connection.send(None)
    while (group := connection.recv()) is not None:
        yield from (items[place] for place in group)
        connection.send(None)
