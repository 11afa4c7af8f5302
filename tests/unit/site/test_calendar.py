"""The calendar file of an event is right in every zone, and its lines are as long as RFC 5545 lets them be."""

from shared.site import calendar
from tests.unit.site.test_offers import event


def test_times_are_utc_and_texts_are_escaped():
    written = calendar.of_event(event(title="Konser; satu, dua", venue="Istora"))
    assert "DTSTART:20261204T000000Z\r\n" in written
    assert "SUMMARY:Konser\\; satu\\, dua\r\n" in written
    assert "LOCATION:Istora\\, Jakarta\r\n" in written


def test_long_lines_are_folded_between_characters():
    written = calendar.of_event(event(title="é" * 200))
    lines = written.split("\r\n")
    assert max(len(line.encode()) for line in lines) <= 75
    assert "é" * 200 in written.replace("\r\n ", "")
