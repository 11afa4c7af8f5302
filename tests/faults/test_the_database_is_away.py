"""PostgreSQL is away: public pages are the last good copy and sell nothing, buyers must wait, nothing is lost."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import requests

from infra.local.postgres import Postgres
from tests.faults.test_a_worker_is_stopped import persistently
from tests.functions.browsing import Browser
from tests.people import Person, World
from tests.stack import Stack
from tests.waiting import until

PAUSED = {"id": "Penjualan berhenti sebentar", "en": "Sales are paused for a moment"}


@dataclass(frozen=True)
class Visit:
    """A buyer who holds a ticket of an event, and the pages that lead there."""

    event: dict[str, Any]
    buyer: Person
    order: dict[str, Any]
    browser: Browser

    @property
    def public(self) -> dict[str, str]:
        """The address of each public page, with its language."""
        paths = "", "/events", f"/events/{self.event['slug']}"
        return {f"/{language}{path}": language for language in PAUSED for path in paths}

    @property
    def own(self) -> list[str]:
        """The pages of the purchase."""
        chosen = f"/buy/{self.event['slug']}?t_{self.event['tiers'][0]['id']}=1"
        return [chosen, f"/orders/{self.order['id']}", "/orders"]

    def pay(self) -> requests.Response:
        """Send the form that pays the order by QRIS."""
        form = {"name_0": "Siti Rahma", "email_0": self.buyer.address, "method": "QRIS@midtrans"}
        return self.browser.send(f"/orders/{self.order['id']}/pay", form)


@pytest.fixture
def visit(world: World, organizer: Person) -> Visit:
    """All of these pages have been seen while the database was there."""
    event, buyer, browser = organizer.publish(), world.somebody(), Browser(world)
    browser.sign_in(buyer)
    visit = Visit(event, buyer, buyer.reserve(event), browser)
    for path in visit.public:
        assert browser.get(path).status_code == 200
    return visit


@contextmanager
def database_away(stack: Stack) -> Iterator[None]:
    """PostgreSQL is stopped, for the product and for its shared cache."""
    server = Postgres(stack.data_dir / "postgres")
    server.stop()
    try:
        yield
    finally:
        server.start()


def paused(visit: Visit, path: str) -> requests.Response:
    """A page once it says that sales are paused: what was read within the last second counts as current."""

    def shown() -> requests.Response | None:
        page = visit.browser.get(path)
        assert page.status_code == 200, path
        return page if PAUSED[visit.public[path]] in page.text else None

    return until(shown, what=f"for {path} to say that sales are paused")


def says_to_wait(page: requests.Response) -> None:
    """Require a page that says when to come back, and not to pay again."""
    assert (page.status_code, page.headers["Content-Type"]) == (503, "text/html; charset=utf-8"), page.url
    assert re.search("jangan bayar lagi|do not pay again", page.text), page.url
    assert int(page.headers["Retry-After"]) >= 1


def sells_as_before(visit: Visit, order: dict[str, Any]) -> None:
    """The pages sell again, and the order that was held is paid and becomes a ticket."""
    for path in visit.public:
        until(partial(_is_current, visit, path), what=f"for {path} to sell")
    assert persistently(visit.buyer.order, visit.order) == order
    until(lambda: visit.pay().status_code == 303, what="for the payment to be accepted")
    [payment] = visit.buyer.order(visit.order)["payments"]
    visit.buyer.world.gateway(payment["gateway"], payment["gateway_reference"], "pay")
    assert len(visit.buyer.until_tickets(visit.order, 1)["tickets"]) == 1


def _is_current(visit: Visit, path: str) -> bool:
    page = visit.browser.get(path)
    return page.ok and PAUSED[visit.public[path]] not in page.text


@pytest.mark.slow("PostgreSQL stops and starts, and what waits for it must notice")
def test_visitors_read_the_last_good_copy_and_buyers_lose_nothing(stack: Stack, visit: Visit):
    before = visit.buyer.order(visit.order)
    with database_away(stack):
        for path in visit.public:
            page = paused(visit, path)
            assert "buy-bar" not in page.text, "nothing can be chosen"
            assert "no-store" in page.headers["Cache-Control"], "nobody keeps what is old already"
        for path in visit.own:
            says_to_wait(visit.browser.get(path))
        says_to_wait(visit.pay())
    sells_as_before(visit, before)


@pytest.mark.slow("PostgreSQL stops and starts, and what waits for it must notice")
def test_a_worker_that_begins_meanwhile_has_no_copy_and_says_to_wait(stack: Stack, visit: Visit):
    before = visit.buyer.order(visit.order)
    with database_away(stack):
        [worker] = stack.web_workers()
        worker.kill()
        until(lambda: [other for other in stack.web_workers() if other != worker], what="for another worker")
        stranger = Browser(visit.buyer.world)
        for path in [*visit.public, visit.own[0]]:
            [page] = persistently(lambda path=path: [stranger.get(path)])  # a refusal alone would count as no answer
            says_to_wait(page)
    sells_as_before(visit, before)
