"""The gate's pages: who may open which, what they say without scripts, and what the scanner weighs (GATE, AR-007)."""

import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.site import static_files
from tests.functions.browsing import Browser
from tests.people import Person, World

SCRIPT_BYTES = 20_000


def hours_from_now(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


@pytest.fixture(scope="module")
def organizer(world: World) -> Person:
    return world.somebody("organizer")


@pytest.fixture(scope="module")
def event(organizer: Person) -> dict[str, Any]:
    """An event whose gates are open."""
    hours = {"gates_open_at": -1, "start_date": 2, "end_date": 6}
    return organizer.publish(
        {"name": "Festival", "price": 0, "quota": 100},
        title="Konser <b>Gerbang</b> & Co",
        **{name: hours_from_now(after) for name, after in hours.items()},
    )


@pytest.fixture
def browser(world: World) -> Callable[[Person | None], Browser]:
    """Somebody's browser."""

    def signed_in(person: Person | None) -> Browser:
        opened = Browser(world)
        if person:
            opened.sign_in(person)
        return opened

    return signed_in


def pages(event: dict[str, Any]) -> list[str]:
    return [f"/gate/{event['id']}", f"/gate/{event['id']}/list"]


def test_a_guest_signs_in_first_and_a_buyer_may_not(
    world: World, event: dict[str, Any], browser: Callable[..., Browser]
):
    guest, buyer = browser(None), browser(world.somebody())
    for path in ["/gate", *pages(event)]:
        assert guest.get(path).url.startswith(f"{world.url}/login?next=")
        assert buyer.get(path).status_code == 403


def test_an_event_of_others_is_not_there(world: World, event: dict[str, Any], browser: Callable[..., Browser]):
    stranger = browser(world.somebody("organizer"))
    assert event["title"] not in stranger.get("/gate").text
    for path in pages(event):
        assert stranger.get(path).status_code == 404
    assert stranger.send(pages(event)[0], {"code": "ABCD-1234"}).status_code == 404


def test_the_organizer_chooses_the_event_and_its_title_is_no_markup(
    organizer: Person, event: dict[str, Any], browser: Callable[..., Browser]
):
    opened = browser(organizer)
    assert f'href="/gate/{event["id"]}"' in opened.get("/gate").text
    for path in pages(event):
        shown = opened.get(path)
        assert shown.status_code == 200
        assert "Konser &lt;b&gt;Gerbang&lt;/b&gt; &amp; Co" in shown.text
        assert "no-store" in shown.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("HTTPS://EXAMPLE.COM/", "not_a_ticket"),
        ("K1.A.B.C.D", "forged"),
        ("x" * 5000, "not_a_ticket"),
        ("ABCD-1234", "pickup_unknown"),
    ],
    ids=["other", "forged", "long", "pickup"],
)
def test_a_typed_code_is_answered_by_a_page(
    organizer: Person, event: dict[str, Any], browser: Callable[..., Browser], code: str, kind: str
):
    answer = browser(organizer).send(pages(event)[0], {"code": code, "gate": "Utara" * 20})
    assert answer.status_code == 200
    before_templates = answer.text.partition("<template")[0]
    assert f'data-kind="{kind}"' in before_templates


def test_the_scanner_is_light():
    """Its own scripts, without the reader of QR codes, which only browsers without one of their own load."""
    names = [path.name for path in static_files.FOLDER.glob("gate*.js")] + ["site.js"]
    assert sum(len(gzip.compress(static_files.named(name).content)) for name in names) <= SCRIPT_BYTES
