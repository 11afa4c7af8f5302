"""A sale from end to end through HTTP: register, publish, reserve, check out, pay, ticket in hand, through the gate."""

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pypdfium2
import pytest
import zxingcpp

from tests.people import World
from tests.waiting import until

ALL_METHODS = ["QRIS", "BCA", "MANDIRI", "BNI", "BRI", "PERMATA", "OVO", "DANA", "GOPAY", "LINKAJA", "ANY"]


def qr_in(pdf: bytes) -> str:
    """The text of the QR code on a PDF's first page, read as a camera would."""
    page = pypdfium2.PdfDocument(io.BytesIO(pdf))[0]
    found = zxingcpp.read_barcodes(page.render(scale=2).to_pil())
    assert len(found) == 1
    return found[0].text


@pytest.mark.parametrize("gateway", ["xendit", "midtrans"])
def test_a_ticket_is_reserved_paid_mailed_downloaded_and_let_in_once(world: World, gateway: str):
    """PS-010, PS-011, TS-012."""
    organizer, buyer = world.register("organizer"), world.register()
    festival = {"name": "Festival", "price": 150_000, "quota": 100}
    start = datetime.now(UTC) + timedelta(days=3)
    times = {"start_date": start.isoformat(), "end_date": (start + timedelta(hours=4)).isoformat()}
    event = organizer.publish(festival, **times)

    order = buyer.reserve(event, [2])
    assert (order["status"], order["total_amount"]) == ("reserved", 320_000)
    payment = buyer.checkout(order, gateway)
    assert payment["status"] == "pending"
    assert payment["amount"] == 320_000
    assert payment["redirect_url"] or payment["qr_string"]
    world.mail(buyer.address, "order_confirmation")

    world.gateway(gateway, payment["gateway_reference"], "pay")
    paid = buyer.until_tickets(order, 2)
    assert paid["status"] == "paid"
    assert paid["payments"][-1]["status"] == "paid"

    mail = world.mail(buyer.address, "e_ticket")
    assert [each["content_type"] for each in mail["attachments"]] == ["application/pdf"] * 2

    ticket = paid["tickets"][0]
    download = buyer.api.call("GET", ticket["download_url"], status=200)
    assert download.headers["Content-Type"] == "application/pdf"
    qr = qr_in(download.content)

    scan = {"event_id": event["id"], "qr": qr, "gate": "Utara"}
    early = organizer.api.post("tickets/scan", scan, status=200)
    assert (early["result"], early["gates_open_at"]) == ("not_open", event["gates_open_at"])
    now = {"gates_open_at": datetime.now(UTC).isoformat()}
    organizer.api.call("PUT", f"events/{event['id']}", json=now, status=200)
    assert organizer.api.post("tickets/scan", scan, status=200)["result"] == "valid"
    again = organizer.api.post(f"tickets/{ticket['id']}/validate", scan, status=200)
    assert (again["result"], again["gate"]) == ("already_used", "Utara")
    forged = organizer.api.post("tickets/scan", {**scan, "qr": qr[:-3] + "AAA"}, status=200)
    assert forged["result"] == "forged"

    tiers = world.anybody.get(f"events/{event['id']}/tickets")["tiers"]
    assert (tiers[0]["reserved"], tiers[0]["sold"], tiers[0]["available"]) == (0, 2, 98)


@pytest.mark.parametrize("gateway", ["xendit", "midtrans"])
@pytest.mark.parametrize("method", ALL_METHODS)
def test_every_payment_method_can_be_opened_and_paid(world: World, gateway: str, method: str):
    order = world.somebody().buy(world.publish(), gateway=gateway, method=method)
    assert order["status"] == "paid"


def test_a_free_order_is_paid_at_once(world: World):
    event = world.somebody("organizer").publish({"name": "Relawan", "price": 0, "quota": 5})
    buyer = world.somebody()
    order = buyer.reserve(event)
    assert order["total_amount"] == 0
    checked = buyer.api.post(f"orders/{order['id']}/checkout", {"payment_method": "ANY"}, status=200)
    assert checked["status"] == "paid"
    buyer.until_tickets(order, 1)


def test_a_webhook_told_twice_or_never_makes_the_same_sale(world: World):
    event = world.somebody("organizer").publish()
    for deliver in ("twice", "never"):
        buyer = world.somebody()
        order = buyer.reserve(event)
        payment = buyer.checkout(order)
        world.gateway("xendit", payment["gateway_reference"], "pay", deliver=deliver)
        if deliver == "never":  # the buyer's page asks, and the product asks the gateway
            until(lambda: buyer.api.get(f"payments/{payment['id']}/status")["status"] == "paid")  # noqa: B023
        assert len(buyer.until_tickets(order, 1)["tickets"]) == 1


def test_after_a_failure_another_gateway_can_be_tried_and_the_older_payment_is_ended(world: World):
    event = world.somebody("organizer").publish()
    buyer = world.somebody()
    order = buyer.reserve(event)
    first = buyer.checkout(order, "xendit", "BCA")
    second = buyer.api.post(
        "payments/create-invoice",
        {"order_id": order["id"], "payment_method": "QRIS", "gateway": "midtrans"},
        status=201,
    )
    assert second["id"] != first["id"]

    until(
        lambda: (
            world.anybody.call("GET", f"/simulators/xendit/payments/{first['gateway_reference']}").json()["status"]
            in ("EXPIRED", "expired")
        ),
        what="for the older invoice to end",
    )
    world.gateway("midtrans", second["gateway_reference"], "pay")
    assert buyer.until_tickets(order, 1)["status"] == "paid"


@pytest.mark.parametrize("gateway", ["xendit", "midtrans"])
def test_an_expired_payment_gives_the_seats_back(world: World, gateway: str):  # TS-007
    event = world.somebody("organizer").publish({"name": "Satu", "price": 50_000, "quota": 1})
    buyer = world.somebody()
    order = buyer.reserve(event)
    payment = buyer.checkout(order, gateway)
    world.gateway(gateway, payment["gateway_reference"], "expire")
    buyer.until_order(order, "expired")
    assert world.somebody().reserve(event)["status"] == "reserved"


def test_a_cancelled_order_frees_its_seats_at_once(world: World):
    event = world.somebody("organizer").publish({"name": "Satu", "price": 50_000, "quota": 1})
    buyer = world.somebody()
    order = buyer.reserve(event)
    assert buyer.api.post(f"orders/{order['id']}/cancel", status=200)["status"] == "cancelled"
    assert world.somebody().reserve(event)["status"] == "reserved"


def test_the_same_idempotency_key_gives_the_same_answer_and_one_effect(world: World):
    event = world.somebody("organizer").publish()
    buyer = world.somebody()
    first = buyer.reserve(event, **{"Idempotency-Key": "tap-1"})
    assert buyer.reserve(event, **{"Idempotency-Key": "tap-1"}) == first
    refused = buyer.reserve(event, [2], status=422, **{"Idempotency-Key": "tap-1"})
    assert refused["type"].endswith("/idempotency-mismatch")


def test_while_the_first_request_runs_its_key_is_in_progress(world: World):

    event = world.somebody("organizer").publish()
    buyer = world.somebody()
    order = buyer.reserve(event)
    world.faults("xendit", latency_ms=5_000, count=1)
    body = {"payment_method": "QRIS", "gateway": "xendit"}
    path, key = f"orders/{order['id']}/checkout", {"Idempotency-Key": "pay-1"}
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(buyer.api.call, "POST", path, json=body, headers=key)
        until(lambda: buyer.order(order)["status"] == "pending_payment")
        refused = buyer.api.call("POST", path, json=body, headers=key)
        if not slow.done():  # on a machine that was busy for five seconds there is nothing to see
            assert refused.status_code == 409
            assert refused.json()["type"].endswith("/idempotency-in-progress")
        assert slow.result().status_code == 200
    assert buyer.api.call("POST", path, json=body, headers=key).json() == slow.result().json()


def test_a_gateway_that_is_down_loses_nothing_and_the_next_click_goes_on(world: World):
    event = world.somebody("organizer").publish()
    buyer = world.somebody()
    order = buyer.reserve(event)
    world.faults("midtrans", status=503, count=3)
    answer = buyer.api.call(
        "POST", f"orders/{order['id']}/checkout", json={"payment_method": "QRIS", "gateway": "midtrans"}
    )
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/try-again")
    assert int(answer.headers["Retry-After"]) >= 1
    payment = buyer.checkout(order, "midtrans")
    assert payment["status"] == "pending"
    world.gateway("midtrans", payment["gateway_reference"], "pay")
    assert len(buyer.until_tickets(order, 1)["payments"]) == 1


def test_money_that_does_not_fit_is_put_before_a_person(world: World):
    event = world.somebody("organizer").publish()
    buyer = world.somebody()
    order = buyer.reserve(event)
    payment = buyer.checkout(order)
    world.gateway("xendit", payment["gateway_reference"], "pay", amount=payment["amount"] - 1)

    until(lambda: buyer.order(order)["payments"][0]["status"] == "paid")
    after = buyer.order(order)
    assert (after["status"], after["tickets"]) == ("pending_payment", [])
