"""An order's page and a ticket's page, as who may see them (PS-004, TS-019)."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.functions.browsing import Browser, hidden_fields
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


@pytest.mark.parametrize(("language", "words"), [("id", "Sisa Kaus: 1."), ("en", "Left of Kaus: 1.")])
def test_what_is_left_is_told_of_goods_as_of_tickets_and_of_one_as_of_many(world: World, language: str, words: str):
    event = world.publish({"name": "Kaus", "kind": "product", "price": 85_000, "quota": 1, "max_per_order": 5})
    browser = Browser(world)
    browser.sign_in(world.somebody())
    shown = browser.send(f"/buy/{event['slug']}?lang={language}", {f"t_{event['tiers'][0]['id']}": "2"}).text
    assert words in shown


def test_what_is_wrong_on_the_form_is_told_once_each_and_named(world: World):
    event = world.publish({"name": "Festival", "price": 150_000, "quota": 10, "requires_identity": True})
    browser = Browser(world)
    browser.sign_in(world.somebody())
    choice = {f"t_{event['tiers'][0]['id']}": "3"}
    path = browser.send(f"/buy/{event['slug']}", choice).headers["Location"]
    fields = hidden_fields(browser.get(path))
    given = {"name_0": "", "email_0": "rina@example.com", "email_2": "budi", "identity_1": "123", "method": "QRIS"}
    shown = browser.send(f"{path}/pay", fields | given).text
    summary = shown[shown.index('id="errors"') : shown.index("</ul>")]
    named = re.findall(r'<a href="#(\w+)">([^:]*):', summary)
    assert named == [
        ("name_0", "Nama sesuai KTP/paspor · tiket 1"),
        ("identity_1", "NIK (16 angka) atau nomor paspor · tiket 2"),
        ("email_2", "Alamat e-mail · tiket 3"),
    ]
    assert "identity_type" not in shown
    assert "Pilih cara bayar" not in shown
    assert "Pilih cara bayar" in browser.send(f"{path}/pay", fields | given | {"method": "cash"}).text


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


def test_the_rest_by_bank_transfer_is_due_on_a_day_not_only_at_an_hour(world: World):
    browser, buyer = Browser(world), world.somebody()
    browser.sign_in(buyer)
    order = buyer.reserve(world.publish())
    path = f"/orders/{order['id']}"
    first = buyer.checkout(order, "midtrans", "BCA")
    assert re.search(r"BCA ini sebelum \d\d\.\d\d\s", browser.get(path).text)
    world.gateway("midtrans", first["gateway_reference"], "pay", amount=order["total_amount"] - 20_000)
    until(lambda: buyer.order(order)["payments"][-1]["received_amount"], what="for the first part")
    buyer.checkout(order, "midtrans", "BCA")
    assert re.search(r"BCA ini sebelum \w+, \d+ \w+ 20\d\d, \d\d\.\d\d\s", browser.get(path).text)
