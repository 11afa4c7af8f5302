"""A slow line, an impatient thumb, an answer that is lost: nothing is held or paid twice (PS-006, TS-005)."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.browser.visitors import NAME, Visitor
from tests.browser.watching import Watch
from tests.people import Person, World

SLOW_3G = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
ORDER_PAGE = re.compile("/orders/")
FAST = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}


@contextmanager
def a_slow_line(page: Page) -> Iterator[None]:
    """400 ms to answer and 400 kbit/s, as at the edge of a village."""
    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    client.send("Network.emulateNetworkConditions", SLOW_3G)
    yield
    client.send("Network.emulateNetworkConditions", FAST)
    client.detach()


def orders_of(buyer: Person) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = buyer.api.get("orders/my-orders")["items"]
    return items


def test_an_impatient_buyer_on_a_slow_line_pays_one_order_once(world: World, visitor: Visitor, buyer: Person):
    event, page = world.publish(), visitor.page
    with a_slow_line(page):
        visitor.open_event(event)
        visitor.choose(number=2)
        expect(page.locator("[data-total]")).to_have_text("Rp\u00a0320.000")
        visitor.go_to_buy()
        # The second click may abort the navigation that the first began: what counts is where one arrives.
        page.locator("form.panel button.block").dblclick()
        expect(page).to_have_url(ORDER_PAGE)
        page.fill("#name_0", NAME)
        page.locator("[data-pay] button.block").dblclick()
        expect(page.locator("svg.qr")).to_be_visible()
        [order] = orders_of(buyer)
        assert len(order["payments"]) == 1
        visitor.pay()
        expect(page.locator("h1")).to_have_text("2 tiket Anda siap")
    assert len(orders_of(buyer)) == 1


def test_an_impatient_buyer_without_javascript_gets_one_order_and_one_payment(
    concert: dict[str, Any], world: World, new_visitor: Callable[..., Visitor]
):
    visitor, buyer = new_visitor(java_script_enabled=False), world.somebody()
    visitor.sign_in(buyer)
    page = visitor.page
    visitor.open_event(concert)
    page.locator(".tier input").first.fill("1")
    visitor.go_to_buy()
    page.locator("form.panel button.block").dblclick()
    expect(page.locator("#name_0")).to_be_visible()
    page.fill("#name_0", NAME)
    page.locator("[data-pay] button.block").dblclick()
    expect(page.locator("svg.qr")).to_be_visible()  # by itself, should the page say that it is being prepared
    [order] = orders_of(buyer)
    assert len(order["payments"]) == 1


def test_an_answer_that_is_lost_has_done_its_work_once(
    concert: dict[str, Any], visitor: Visitor, buyer: Person, watch: Watch
):
    watch.expect("ERR_FAILED")

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page = visitor.page
    order = buyer.reserve(concert)
    page.goto(f"/orders/{order['id']}")
    page.route("**/pay", lose)
    with page.expect_event("requestfailed", predicate=lambda request: request.url.endswith("/pay")):
        page.locator("[data-pay] button.block").click()
    page.unroute("**/pay")
    page.goto(f"/orders/{order['id']}")
    expect(page.locator("svg.qr")).to_be_visible()
    assert len(buyer.order(order)["payments"]) == 1


def test_the_code_sent_twice_holds_once(concert: dict[str, Any], world: World, visitor: Visitor):
    page = visitor.page
    visitor.open_event(concert)
    visitor.choose()
    visitor.go_to_buy()
    visitor.request_code()
    page.fill("#code", visitor.mailed_code())
    page.locator("form[action$='/sign-in'] button.block").dblclick()
    expect(page).to_have_url(ORDER_PAGE)
    expect(page.locator("h1")).to_have_text("Tiket Anda ditahan")
    listing = page.context.request.get("/api/v1/orders/my-orders").json()
    assert listing["total"] == 1


def test_a_page_that_stays_open_without_a_network_goes_on_when_it_is_back(
    concert: dict[str, Any], world: World, new_visitor: Callable[..., Visitor], watch: Watch
):
    watch.expect("ERR_INTERNET_DISCONNECTED")
    watch.expect("occurred when fetching the script")  # of the service worker
    visitor, buyer = new_visitor(service_workers="allow"), world.somebody()
    visitor.sign_in(buyer)
    page, order = visitor.page, buyer.reserve(concert)
    payment = buyer.checkout(order, "midtrans", "QRIS")
    page.goto(f"/orders/{order['id']}")
    page.context.set_offline(True)
    buyer.world.gateway("midtrans", payment["gateway_reference"], "pay")
    buyer.until_tickets(order, 1)
    expect(page.locator("h1")).to_have_text("Bayar dengan QRIS")
    page.context.set_offline(False)
    expect(page.locator("h1")).to_have_text("Tiket Anda siap")
