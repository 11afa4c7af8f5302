"""Metrics are listed once; what Terraform reads is that list, and what they are read from is really logged."""

import re
from pathlib import Path

import pytest

from schemas import metrics as document
from shared.cloud.metrics import COUNTERS, GAUGES, Counter

ROOT = Path(__file__).parents[3]
LOGGED = re.compile(r"\blog(?:ger)?\.\w+\(\s*(?:[\w.]+(?: if [^,]+)?,\s*)?\"([\w.]+)\"")


@pytest.fixture(scope="module")
def events() -> set[str]:
    """The message of every line that the product logs."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "shared").rglob("*.py")]
    return {event for source in sources for event in LOGGED.findall(source)}


def test_the_file_for_terraform_is_current():
    assert document.FILE.read_text(encoding="utf-8") == document.written(), "run `python -m schemas.metrics`"


@pytest.mark.parametrize("counter", COUNTERS, ids=lambda counter: counter.name)
def test_what_a_counter_counts_is_logged_somewhere(counter: Counter, events: set[str]):
    assert counter.event in events


def test_names_are_what_prometheus_asks_for_and_given_once():
    names = [metric.name for metric in (*COUNTERS, *GAUGES)]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"karcis_[a-z_]+", name) for name in names)
    assert all(counter.name.endswith("_total") for counter in COUNTERS)


def test_a_counter_counts_lines_with_its_fields_only():
    counter = Counter("karcis_x_total", "", "payment.status_handled", {"outcome": "paid"})
    assert counter.counts("payment.status_handled", {"outcome": "paid", "gateway": "xendit"})
    assert not counter.counts("payment.status_handled", {"outcome": "failed"})
    assert not counter.counts("payment.status_handled", {})
    assert not counter.counts("request", {"outcome": "paid"})
