"""Machines read an event's page, whatever its title: search engines, previews of links, calendars (EM-017)."""

import json
import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.people import World
from tests.waiting import PATIENCE_SECONDS

TITLES = {
    "plain": "Konser Purnama",
    "markup": "Konser </script><script>alert(1)</script> & \"kawan\" 'lain'",
    "calendar": "Konser; satu, dua\\nEND:VEVENT\\nBEGIN:VEVENT",
    "address": "Konser 100% &text=lain#bagian?x=1",
}


@pytest.fixture(params=TITLES)
def event(request: pytest.FixtureRequest, world: World) -> dict[str, Any]:
    """An event on sale, with a title that means something to one of the formats."""
    return world.publish({"name": "Festival", "price": 150_000, "quota": 9}, title=TITLES[request.param])


@pytest.fixture
def page(world: World, event: dict[str, Any]) -> str:
    """Its page."""
    return requests.get(f"{world.url}/id/events/{event['slug']}", timeout=PATIENCE_SECONDS).text


def attribute(page: str, pattern: str) -> str:
    """The only value that a pattern finds, as a browser reads it."""
    [found] = re.findall(pattern, page)
    return unescape(found)


def test_search_engines_read_the_event_and_its_offers(event: dict[str, Any], page: str):
    document = json.loads(re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)[0])
    assert (document["@type"], document["name"]) == ("Event", event["title"])
    [offer] = document["offers"]
    assert (offer["price"], offer["priceCurrency"]) == (150_000, "IDR")
    assert offer["availability"] == "https://schema.org/InStock"


def test_a_shared_link_has_a_title_and_leads_to_this_page(event: dict[str, Any], page: str):
    assert attribute(page, r'property="og:title" content="(.*?)"') == event["title"]
    address = attribute(page, r'property="og:url" content="(.*?)"')
    assert address.endswith(f"/id/events/{event['slug']}")
    shared = parse_qs(urlsplit(attribute(page, r'href="(https://wa\.me/.*?)"')).query)
    assert shared == {"text": [f"{event['title']} {address}"]}


def test_a_calendar_gets_one_event(world: World, event: dict[str, Any]):
    answer = requests.get(f"{world.url}/events/{event['slug']}/calendar", timeout=PATIENCE_SECONDS)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{event["slug"]}.ics"'
    lines = answer.text.split("\r\n")
    assert [line for line in lines if line in ("BEGIN:VEVENT", "END:VEVENT")] == ["BEGIN:VEVENT", "END:VEVENT"]
