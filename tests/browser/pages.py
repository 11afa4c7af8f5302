"""The looks and words of a page, as a visitor or a screen reader finds them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Locator, Page, expect

from tests.waiting import until

_SPOKEN = [
    "button",
    "checkbox",
    "heading",
    "image",
    "link",
    "radio",
    "spinbutton",
    "alert",
    "textbox",
    "DisclosureTriangle",
]


def is_the_same_truth(page: Page, title: str) -> None:
    """The page says the same when it is loaded again, and when one comes back to it."""
    expect(page.locator("h1")).to_contain_text(title)
    page.reload()
    expect(page.locator("h1")).to_contain_text(title)
    address = page.url
    page.goto("/orders")
    page.go_back()
    expect(page).to_have_url(address)
    expect(page.locator("h1")).to_contain_text(title)


def come_back(page: Page, awaited: Locator) -> None:
    """Leave the page for another app and come back to it, until something is there: it looks each time at once."""

    def is_seen() -> bool:
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        return awaited.count() > 0

    until(is_seen, what=f"for {page.url} to change")


def reload_until(page: Page, place: Locator, words: str | re.Pattern[str]) -> None:
    """Load the page again until a place on it says these words: what it tells of may be on its way, or be kept."""

    def is_said() -> bool:
        page.reload()
        return place.filter(has_text=words).count() > 0

    until(is_said, what=f"for {page.url} to say {words}")


@contextmanager
def without_reloading(page: Page) -> Iterator[None]:
    """Whatever becomes of the page in here, it is not loaded anew."""
    page.evaluate("window.stillHere = true")
    yield
    assert page.evaluate("window.stillHere"), "the page was loaded again"


def spoken(page: Page) -> list[str]:
    """The words of a screen reader for each thing of the page's main part to be used or heard, in order."""
    client = page.context.new_cdp_session(page)
    root = client.send("DOM.getDocument")["root"]["nodeId"]
    main = client.send("DOM.querySelector", {"nodeId": root, "selector": "main"})["nodeId"]
    nodes = client.send("Accessibility.queryAXTree", {"nodeId": main})["nodes"]
    client.detach()
    named = [(node.get("role", {}).get("value"), node.get("name", {}).get("value", "")) for node in nodes]
    return [" ".join(f"{role} {name}".split()) for role, name in named if role in _SPOKEN]
