"""Files that share a product run together, in any order; only marked files start processes."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests import processes, scheduling

TESTS = [
    "tests/unit/test_a.py::test_first",
    "tests/unit/test_a.py::test_second",
    "tests/faults/test_b.py::test_it",
    "tests/functions/test_rate_limits.py::test_it",
    "tests/functions/test_c.py::test_it[a::b]",
]


def arranged(monkeypatch: pytest.MonkeyPatch, order: str) -> list[str]:
    monkeypatch.setenv("ORDER", order)
    items: list[Any] = [SimpleNamespace(nodeid=nodeid) for nodeid in TESTS]
    scheduling.arrange(items)
    return [item.nodeid for item in items]


def test_the_slowest_files_run_first_and_those_with_a_product_of_their_own_follow_the_shared_one(
    monkeypatch: pytest.MonkeyPatch,
):
    assert arranged(monkeypatch, "") == [TESTS[2], TESTS[4], TESTS[3], TESTS[0], TESTS[1]]


def test_a_number_is_a_random_order_that_can_be_repeated_and_keeps_files_whole(monkeypatch: pytest.MonkeyPatch):
    orders = [arranged(monkeypatch, str(number)) for number in range(50)]
    assert len({tuple(order) for order in orders}) > 10
    assert orders == [arranged(monkeypatch, str(number)) for number in range(50)]
    assert all(order.index(TESTS[1]) == order.index(TESTS[0]) + 1 for order in orders)


def test_files_that_share_a_product_run_in_one_worker():
    shared = scheduling.together("tests/functions/test_a_sale.py")
    assert shared == scheduling.together("tests/functions/test_refunds.py")
    assert shared != scheduling.together("tests/faults/test_at_scale.py")
    assert scheduling.together("tests/functions/test_rate_limits.py") == "tests/functions/test_rate_limits.py"
    assert scheduling.together("tests/unit/test_field_types.py") == "tests/unit/test_field_types.py"


def test_files_that_read_every_source_run_in_one_worker():
    assert len({scheduling.together(file) for file in scheduling.READING_SOURCES}) == 1


def test_the_browser_s_files_are_shared_by_two_products():
    first = scheduling.together("tests/browser/test_order_page.py")
    second = scheduling.together("tests/browser/test_every_page.py")
    assert first == scheduling.together("tests/browser/test_ticket.py")
    assert first != second == scheduling.together("tests/browser/test_organizer_sales.py")


@pytest.mark.parametrize(
    "file", sorted(scheduling.OWN_PRODUCT | scheduling.SECOND_PRODUCT | scheduling.READING_SOURCES)
)
def test_the_files_that_are_named_are_there(request: pytest.FixtureRequest, file: str):
    assert (request.config.rootpath / file).is_file()


def test_a_test_without_the_mark_starts_no_process():
    with pytest.raises(AssertionError, match="put @starts_processes on its fixture"):
        processes.check()


@pytest.mark.processes
def test_a_test_with_the_mark_may():
    processes.check()
