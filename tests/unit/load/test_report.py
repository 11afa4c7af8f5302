"""The report of a load says what became of every request."""

from tests.load import report
from tests.load.profiles import PROFILES
from tests.load.recording import NO_ANSWER, OK, Recording, Sample
from tests.load.running import LoadResult
from tests.load.target import Truth

OUTCOMES = [OK] * 97 + ["409 sold-out", "503 busy", NO_ANSWER]


def a_load(truth: Truth | None) -> LoadResult:
    samples = [Sample("reserve", number / 10, 0.2, outcome) for number, outcome in enumerate(OUTCOMES)]
    return LoadResult(PROFILES["flash"], Recording(samples), 10.0, truth, web_seconds=5.0, generator_seconds=1.0)


def test_a_refusal_is_no_fault_and_silence_is_one():
    outcome = a_load(None)
    assert outcome.recording.faults == {"reserve: 503 busy": 1, f"reserve: {NO_ANSWER}": 1}
    assert outcome.recording.refusals == {"reserve: 409 sold-out": 1}


def test_a_reservation_that_the_database_does_not_know_is_lost():
    assert a_load(Truth(orders=95, oversold=0, miscounted=0, unissued=1)).lost == 3


def test_the_page_shows_every_step_and_each_kind_of_failure():
    page = report.page([a_load(Truth(orders=97, oversold=0, miscounted=0, unissued=0))], ["a machine"])
    assert "Flash sale" in page
    assert "1 × reserve: 503 busy" in page
    assert "2 (2.00%; goal &lt; 0.1%)" in page
    assert "<td>200</td>" in page
