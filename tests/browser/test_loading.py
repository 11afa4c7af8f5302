"""How public pages arrive on a phone: light, in few requests, and nothing moves meanwhile (P-004, U-001)."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Request

from tests.browser.test_slow_network import a_slow_line

MAX_BYTES = 50_000
MAX_REQUESTS = 10
MAX_SHIFT = 0.02
"""The cumulative layout shift that is allowed; up to 0.1 is "good" (web.dev/articles/cls)."""
_MEASURE_SHIFT = """
window.shift = 0;
new PerformanceObserver((list) => list.getEntries().forEach((each) => { window.shift += each.value; }))
  .observe({ type: "layout-shift", buffered: true });
"""


def test_the_first_load_of_an_event_is_light(concert: dict[str, Any], new_page: Callable[..., Page]):
    page = new_page(service_workers="block")  # which keeps files for later: they are not this page's
    asked: list[Request] = []
    page.on("requestfinished", lambda request: asked.append(request))
    page.goto(f"/id/events/{concert['slug']}", wait_until="networkidle")
    sizes = {each.url: each.sizes() for each in asked if each.resource_type != "image"}
    received = {url: size["responseBodySize"] + size["responseHeadersSize"] for url, size in sizes.items()}
    assert len(asked) <= MAX_REQUESTS
    assert sum(received.values()) <= MAX_BYTES, received


@pytest.mark.parametrize("path", ["", "/events", "/events/{slug}"], ids=["home", "list", "event"])
def test_nothing_moves_while_a_page_loads(concert: dict[str, Any], new_page: Callable[..., Page], path: str):
    page = new_page(timezone_id="Asia/Jayapura")  # whose own time is written beside the event's
    page.add_init_script(_MEASURE_SHIFT)
    with a_slow_line(page):
        page.goto(f"/id{path.format(slug=concert['slug'])}", wait_until="networkidle")
        assert page.evaluate("window.shift") <= MAX_SHIFT
