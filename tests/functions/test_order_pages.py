"""An order's page and a ticket's page, as who may see them (PS-004, TS-019)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from tests.functions.browsing import Browser
from tests.people import World
from tests.waiting import until

PREPARING, UNAVAILABLE, QRIS = "Pembayaran Anda sedang disiapkan", "sedang terganggu", "Bayar dengan QRIS"


def test_a_payment_that_is_being_opened_is_prepared_and_its_gateway_not_called_unavailable(world: World):
    browser, buyer = Browser(world), world.somebody()
    browser.sign_in(buyer)
    order = buyer.reserve(world.somebody("organizer").publish())
    path = f"/orders/{order['id']}"
    world.faults("midtrans", latency_ms=2_000, count=1)
    with ThreadPoolExecutor() as clicks:
        clicked = clicks.submit(buyer.checkout, order, "midtrans")
        shown = until(lambda: _opening(browser, path), what="for the payment to be prepared")
        assert PREPARING in shown
        assert UNAVAILABLE not in shown
        clicked.result()
    assert QRIS in browser.get(path).text


def _opening(browser: Browser, path: str) -> str | None:
    """The page, once a payment has been started."""
    shown = browser.get(path).text
    return None if "Tiket Anda ditahan" in shown else shown


def test_the_way_from_a_ticket_to_its_order_is_shown_to_its_buyer_only(world: World):
    buyer, holder = world.somebody(), world.somebody()
    order = buyer.buy(world.somebody("organizer").publish())
    ticket = f"/tickets/{order['tickets'][0]['id']}"
    change = {"name": "Budi Santoso", "email": holder.address}
    buyer.api.call("PUT", f"{ticket.lstrip('/')}/holder", json=change, status=200)
    link = f'href="/orders/{order["id"]}"'
    seen = {}
    for person in (buyer, holder):
        browser = Browser(world)
        browser.sign_in(person)
        page = browser.get(ticket)
        assert "Budi Santoso" in page.text
        seen[person.address] = link in page.text
    assert seen == {buyer.address: True, holder.address: False}


def test_who_was_let_in_is_not_offered_to_give_the_ticket_back(world: World):
    buyer, organizer = world.somebody(), world.somebody("organizer")
    now = datetime.now(UTC)
    start, end = (now + timedelta(days=10, hours=hours) for hours in (0, 4))
    hours = {"start_date": start.isoformat(), "end_date": end.isoformat(), "gates_open_at": now.isoformat()}
    order = buyer.buy(organizer.publish(**hours))
    browser, refund = Browser(world), f'href="/refunds/new/{order["id"]}"'
    browser.sign_in(buyer)
    assert refund in browser.get(f"/orders/{order['id']}").text
    ticket_id = order["tickets"][0]["id"]
    code = buyer.api.get(f"tickets/{ticket_id}")["qr"]
    scanned = organizer.api.post("tickets/scan", {"event_id": order["event_id"], "qr": code}, status=200)
    assert scanned["result"] == "valid"
    assert refund not in browser.get(f"/orders/{order['id']}").text
