"""A rush (QUEUE-1): waiting, one's turn and the order, with a script and without one."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.looking import look
from tests.browser.pages import without_reloading
from tests.browser.visitors import Visitor
from tests.browser.watching import Watch
from tests.people import Person, World
from tests.stack import Stack
from tests.waiting import PATIENCE_SECONDS, until

SIGNED_OUT = r"/place.*401|401.*/place"
"""The answer that the page's script hears when it takes a place for somebody who is not signed in."""


@dataclass
class Rush:
    """An event with a waiting room, which is open."""

    event: dict[str, Any]
    organizer: Person

    @property
    def path(self) -> str:
        """Everybody's page, in Indonesian."""
        return f"/id/queue/{self.event['slug']}"

    def change(self, **changes: Any) -> None:
        """Change the event."""
        self.organizer.api.call("PUT", f"events/{self.event['id']}", json=changes, status=200)

    def begin(self) -> None:
        """Let the sale begin now, which is the hour of the draw."""
        tier = {"id": self.event["tiers"][0]["id"], "sale_start": datetime.now(UTC).isoformat()}
        self.change(tiers=[tier])


@pytest.fixture
def rush(stack: Stack, world: World) -> Iterator[Rush]:
    """A rush whose sale begins in an hour, or when the test says so; nobody waits any more when the test is over."""
    organizer, now = world.somebody("organizer"), datetime.now(UTC)
    tier = {"name": "Festival", "price": 150_000, "quota": 2, "sale_start": (now + timedelta(hours=1)).isoformat()}
    opened = (now - timedelta(minutes=1)).isoformat()
    made = Rush(organizer.publish(tier, title="Konser Rebutan", waiting_room_opens_at=opened), organizer)
    stack.run_job("waiting-room-controller-run")
    until(lambda: requests.get(world.url + made.path, timeout=PATIENCE_SECONDS).ok, what="for the waiting room's page")
    yield made
    made.change(waiting_room_opens_at=None)


def test_from_a_place_to_the_order(rush: Rush, world: World, visitor: Visitor, watch: Watch):
    watch.expect(SIGNED_OUT)
    page, buyer = visitor.page, world.somebody()
    visitor.open_event(rush.event)
    look(page, "id-rush-event")
    visitor.follow(page.get_by_role("link", name="Ke ruang tunggu"))
    look(page, "id-queue-gathering")
    visitor.follow(page.get_by_role("button", name="Ambil tempat"))
    expect(page).to_have_url(f"{world.url}/login?next={rush.path.replace('/', '%2F')}&unsent=yes")
    expect(page.get_by_role("status").first).to_contain_text("Untuk ini Anda perlu masuk")
    visitor.sign_in(buyer)
    page.goto(rush.path)
    visitor.tap(page.get_by_role("button", name="Ambil tempat"))
    expect(page.get_by_text("Anda sudah punya tempat.")).to_be_visible()
    expect(page.locator("[data-own-number]")).to_have_text("1")
    page.reload()
    expect(page.get_by_text("Anda sudah punya tempat.")).to_be_visible()
    look(page, "id-queue-undrawn")
    with without_reloading(page):
        rush.begin()
        expect(page.get_by_role("button", name="Pilih tiket")).to_be_visible()
    expect(page).to_have_title("Giliran Anda tiba · Ruang tunggu · Konser Rebutan")
    expect(page.locator("[data-said]")).to_have_text("Giliran Anda tiba")
    expect(page.locator("[data-at]")).to_have_text(re.compile(r"^\d\d\.\d\d\.\d\d\sWIB$"))
    look(page, "id-queue-called")
    visitor.follow(page.get_by_role("button", name="Pilih tiket"))
    expect(page.get_by_role("timer")).to_contain_text("Giliran Anda sampai")
    look(page, "id-queue-tickets")
    visitor.choose()
    visitor.go_to_buy()
    expect(page.get_by_role("timer")).to_contain_text("Giliran Anda sampai")
    look(page, "id-queue-buy")
    visitor.follow(page.locator("form.panel button.block"))
    expect(page.get_by_role("heading", name="Tiket Anda ditahan")).to_be_visible()
    page.goto(f"/queue/{rush.event['slug']}")
    expect(page.get_by_role("link", name="Lanjutkan pesanan")).to_be_visible()
    look(page, "id-queue-over")


@pytest.mark.parametrize("signs_out", [True, False])
def test_the_next_person_on_a_phone_can_take_a_place_too(
    rush: Rush, world: World, visitor: Visitor, watch: Watch, signs_out: bool
):
    """The one before has signed out, or their session is over."""
    page, own = visitor.page, f"/queue/{rush.event['slug']}"
    join = page.get_by_role("button", name="Ambil tempat")
    visitor.sign_in(world.somebody())
    page.goto(rush.path)
    visitor.tap(join)
    expect(page.locator("[data-own-number]")).to_have_text("1")
    if signs_out:
        page.goto("/account")
        visitor.follow(page.get_by_role("button", name="Keluar", exact=True))
    else:
        page.context.clear_cookies()
    visitor.sign_in(world.somebody())
    page.goto(rush.path if signs_out else own)
    visitor.tap(join)
    expect(page.locator("[data-own-number]")).to_have_text("2")


def test_without_a_script(rush: Rush, world: World, new_visitor: Callable[..., Visitor]):
    others = [world.somebody() for _ in range(3)]
    for each in others:
        each.api.post(f"waiting-rooms/{rush.event['id']}/place", status=200)
    visitor, own = new_visitor(java_script_enabled=False, locale="en-GB"), f"/queue/{rush.event['slug']}"
    page, buyer = visitor.page, world.somebody()
    visitor.sign_in(buyer)
    page.goto(rush.path.replace("/id/", "/en/"))
    refresh = page.locator("meta[http-equiv=refresh]")
    expect(refresh).to_have_attribute("content", f"15; url=/en/queue/{rush.event['slug']}")
    visitor.follow(page.get_by_role("button", name="Take a place"))
    expect(page.get_by_text("You have a place.")).to_be_visible()
    expect(refresh).to_have_attribute("content", f"120; url={own}?lang=en")
    rush.begin()

    def is_drawn() -> bool:
        page.goto(own)
        return page.locator("[data-at-state=undrawn]").is_hidden()

    until(is_drawn, what="for the draw")
    place = buyer.api.get(f"waiting-rooms/{rush.event['id']}/place")
    if place["state"] == "waiting":
        expect(page.locator("[data-position]")).to_have_text(str(place["position"]))
    rush.change(tiers=[{"id": rush.event["tiers"][0]["id"], "quota": 50}])

    def is_called() -> bool:
        page.goto(own)
        return page.get_by_role("button", name="Choose tickets").is_visible()

    until(is_called, what="for the turn")
    visitor.follow(page.get_by_role("button", name="Choose tickets"))
    amounts = page.locator(".tier input")
    until(lambda: amounts.count() or (page.reload() and None), what="for the seats, which the page may not know yet")
    amounts.first.fill("1")
    visitor.go_to_buy()
    visitor.follow(page.locator("form.panel button.block"))
    expect(page.get_by_role("heading", name="Your tickets are held")).to_be_visible()


def test_who_was_not_called_cannot_go_round_the_queue(rush: Rush, world: World, visitor: Visitor, buyer: Person):
    page, tier = visitor.page, rush.event["tiers"][0]["id"]
    page.goto(f"/buy/{rush.event['slug']}?t_{tier}=1")
    expect(page.get_by_role("alert")).to_contain_text("dipanggil di ruang tunggunya")
    expect(page.locator("form.panel button.block")).to_have_count(0)
    look(page, "id-buy-without-pass")
    page.goto(f"/queue/{rush.event['slug']}/tickets")
    expect(page).to_have_url(f"{world.url}/queue/{rush.event['slug']}")
    look(page, "id-queue-own-none")
