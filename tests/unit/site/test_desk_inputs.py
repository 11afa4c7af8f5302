"""EM-006: what an organizer types is read as they mean it: money in groups, times in the event's zone."""

from datetime import UTC, datetime

import pytest
from werkzeug.datastructures import MultiDict

from shared.problems import Invalid
from shared.site.organizer import inputs


@pytest.mark.parametrize(
    "typed", ["150000", "150.000", "150,000", "150 000", "Rp 150.000", "rp150.000", "Rp. 150.000,-", " 150.000 "]
)
def test_an_amount_may_be_grouped(typed: str):
    assert inputs.amount(typed) == "150000"


@pytest.mark.parametrize(("typed", "read"), [("0", "0"), ("1.000.000", "1000000"), ("75", "75")])
def test_an_amount_is_read_to_its_last_digit(typed: str, read: str):
    assert inputs.amount(typed) == read


@pytest.mark.parametrize("typed", ["150.50", "1.5", "15.000,50", "1.000,000", "-5", "abc", "1e3", ""])
def test_what_is_no_amount_is_left_for_the_model_to_refuse(typed: str):
    assert inputs.amount(typed) == typed


@pytest.mark.parametrize(
    ("zone", "hour"), [("Asia/Jakarta", 12), ("Asia/Makassar", 11), ("Asia/Jayapura", 10), ("nowhere", 12)]
)
def test_a_local_time_is_of_the_events_zone(zone: str, hour: int):
    assert inputs.moment("2026-12-26T19:00", zone) == datetime(2026, 12, 26, hour, tzinfo=UTC)


@pytest.mark.parametrize("typed", ["", "besok", "26/12/2026 19.00", "2026-13-01T00:00"])
def test_what_is_no_time_is_told_in_the_pages_language(typed: str):
    read = {"start_date": inputs.moment(typed, "Asia/Jakarta")}
    assert inputs.unreadable_moments(read, ("start_date",), "id")["start_date"].startswith("Isi tanggal")


def test_a_moment_is_shown_as_it_was_typed():
    moment = inputs.moment("2026-12-26T19:00", "Asia/Jayapura")
    assert isinstance(moment, datetime)
    assert inputs.local_text(moment, "Asia/Jayapura") == "2026-12-26T19:00"
    assert inputs.local_text(None, "Asia/Jayapura") == ""


def test_texts_keep_their_lines():
    assert inputs.texts(MultiDict({"a": " x\r\ny "}), "a", "b") == {"a": "x\ny", "b": ""}


def test_a_refusal_names_the_fields_as_the_page_does():
    told = inputs.errors_of(Invalid.field("end_date", "must be after start_date"), "id")
    assert inputs.with_labels(told, {"start_date": "Begins"}, "id") == {"end_date": "harus setelah “Mulai”"}
