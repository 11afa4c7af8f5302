"""EM-018: an event's times are shown in its own zone, and beside them in the reader's, where that is another."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect


def when(page: Page, concert: dict[str, Any]) -> Any:
    """The element that tells when an event is."""
    page.goto(f"/id/events/{concert['slug']}")
    return page.locator("time[data-zone]").first


def test_a_reader_in_papua_reads_both(concert: dict[str, Any], new_page: Callable[..., Page]):
    shown = when(new_page(timezone_id="Asia/Jayapura"), concert)
    expect(shown).to_contain_text("WIB")
    expect(shown).to_contain_text("waktu Anda")


def test_a_reader_in_the_events_zone_reads_one(concert: dict[str, Any], new_page: Callable[..., Page]):
    shown = when(new_page(timezone_id=concert["timezone"]), concert)
    expect(shown).to_contain_text("WIB")
    expect(shown).not_to_contain_text("waktu Anda")
