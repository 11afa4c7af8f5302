"""A process that repeats a test until it fails, with one module of the product loaded from a changed copy.

Started by tests.simulation.lock_mutations. It writes as JSON how often the test ran, by what it failed in the end, and
what else went wrong: a mutation is caught by a broken promise, not by a module that cannot be imported.
"""

import argparse
import json
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.mutant import LoadedInstead

_DEADLOCK_DETECTED, _CONSTRAINT_VIOLATED = "40P01", "23"


class Repetitions:
    """Runs each test a number of times, until one fails, and records how often and by what."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.ran = 0
        self.failed_by = ""
        self.error = ""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        metafunc.fixturenames.append("repetition")
        metafunc.parametrize("repetition", range(self._most))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
        report = yield
        self.ran += call.when == "call"
        if call.excinfo is not None:
            self._record(call.excinfo.value, is_of_test=call.when == "call")
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.error = str(report.longrepr)

    def _record(self, error: BaseException, *, is_of_test: bool) -> None:
        broken = _broken_promise(error)
        if is_of_test and broken:
            self.failed_by = broken
        else:
            self.error = repr(error)


def _broken_promise(error: BaseException) -> str:
    """How a test tells of a broken promise; empty where it fails for another reason."""
    from shared.problems import violation  # only now: it may be what is loaded from a changed copy

    sqlstate = violation(error) or ""
    if isinstance(error, AssertionError | pytest.fail.Exception):
        return "assertion"
    if sqlstate == _DEADLOCK_DETECTED:
        return "deadlock"
    return "constraint" if sqlstate.startswith(_CONSTRAINT_VIOLATED) else ""


def main() -> None:
    """Run the tests."""
    wanted = _arguments()
    if wanted.module:
        sys.meta_path.insert(0, LoadedInstead(wanted.module, wanted.file))
    repeated = Repetitions(wanted.most)
    pytest.main([*wanted.tests, "-x", "-q", "--no-header", "-p", "no:cacheprovider"], plugins=[repeated])
    if wanted.module and wanted.module not in sys.modules:
        repeated.error = f"{wanted.module} was never imported"
    if not repeated.ran and not repeated.error:
        repeated.error = "no test ran"
    json.dump({"ran": repeated.ran, "failed_by": repeated.failed_by, "error": repeated.error}, sys.stdout)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("tests", nargs="+", help="node ids")
    parser.add_argument("--most", type=int, required=True, help="how often each test is run, while it passes")
    parser.add_argument("--module", help="the module that is loaded from `file`")
    parser.add_argument("--file", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
