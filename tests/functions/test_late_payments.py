"""Money that comes late, twice, for an order that has ended, or never: nothing is lost silently (LATE-1)."""

import hashlib
from datetime import datetime, timedelta

import pytest
import requests
from sqlalchemy import text

from tests.people import Person, World
from tests.stack import KEYS, Stack
from tests.waiting import PATIENCE_SECONDS, until


def one_seat(world: World) -> dict:
    return world.somebody("organizer").publish({"name": "Satu", "price": 50_000, "quota": 1})


def at_the_gateway(world: World, gateway: str, payment: dict) -> dict:
    return world.anybody.get(f"/simulators/{gateway}/payments/{payment['gateway_reference']}")


def let_it_expire(stack: Stack, order: dict) -> None:
    """The order's time is over for us, while the gateway has not yet been told."""
    with stack.database() as database, database.begin() as tx:
        tx.execute(
            text("UPDATE orders SET reservation_expires_at = now() - interval '1 second' WHERE id = :id"),
            {"id": order["id"]},
        )


def refund_of(stack: Stack, order: dict) -> str | None:
    with stack.database() as database, database.begin() as tx:
        return tx.execute(text("SELECT status FROM refunds WHERE order_id = :id"), {"id": order["id"]}).scalar()


@pytest.mark.parametrize("gateway", ["xendit", "midtrans"])
def test_the_invoice_ends_when_the_hold_does(world: World, gateway: str):  # PS-003
    buyer, event = world.somebody(), one_seat(world)
    order = buyer.reserve(event)
    payment = buyer.checkout(order, gateway)
    deadline = datetime.fromisoformat(buyer.order(order)["reservation_expires_at"])
    assert deadline - datetime.fromisoformat(order["created_at"]) == timedelta(minutes=30)
    expires = datetime.fromisoformat(at_the_gateway(world, gateway, payment)["expires_at"])
    assert -2 <= (expires - deadline).total_seconds() <= PATIENCE_SECONDS  # later by what the call took


@pytest.mark.parametrize("gateway", ["xendit", "midtrans"])
def test_an_order_that_ends_ends_its_invoice_at_the_gateway(world: World, gateway: str):
    buyer, event = world.somebody(), one_seat(world)
    order = buyer.reserve(event)
    payment = buyer.checkout(order, gateway)
    buyer.api.post(f"orders/{order['id']}/cancel", status=200)
    ended = ("expired", "cancelled", "closed")
    until(lambda: at_the_gateway(world, gateway, payment)["status"] in ended, what="for the invoice to end")
    assert buyer.order(order)["payments"][0]["status"] == "expired"


def paid_too_late(world: World, stack: Stack, gateway: str, method: str, *, seat_is_gone: bool) -> tuple[Person, dict]:
    buyer, event = world.somebody(), one_seat(world)
    order = buyer.reserve(event)
    payment = buyer.checkout(order, gateway, method)
    let_it_expire(stack, order)
    world.faults(gateway, status=503, count=2)  # the gateway can't be told in time that the order is over
    if seat_is_gone:
        world.somebody().reserve(event)
    else:
        stack.run_job("expire-sweep")
    world.gateway(gateway, payment["gateway_reference"], "pay")
    return buyer, order


@pytest.mark.parametrize("gateway", ["xendit", "midtrans"])
def test_late_money_brings_the_order_back_while_its_seat_is_free(world: World, stack: Stack, gateway: str):
    buyer, order = paid_too_late(world, stack, gateway, "QRIS", seat_is_gone=False)
    assert buyer.until_tickets(order, 1)["status"] == "paid"


@pytest.mark.parametrize("gateway", ["xendit", "midtrans"])
def test_late_money_goes_back_in_full_when_the_seat_is_gone(world: World, stack: Stack, gateway: str):
    buyer, order = paid_too_late(world, stack, gateway, "GOPAY", seat_is_gone=True)
    world.mail(buyer.address, "payment_unusable")
    until(lambda: refund_of(stack, order) in ("processing", "completed"), what="for the refund")

    def is_back() -> bool:
        stack.run_job("reconcile-light")  # asks the gateway where it does not tell by itself
        with stack.database() as database, database.begin() as tx:
            tx.execute(text("UPDATE refunds SET updated_at = now() - interval '2 minutes' WHERE status = 'processing'"))
        return refund_of(stack, order) == "completed"

    until(is_back, what="for the money to be back")
    now = buyer.order(order)
    assert (now["status"], now["payments"][0]["status"], now["tickets"]) == ("expired", "refunded", [])


@pytest.mark.parametrize("gateway", ["xendit", "midtrans"])
def test_what_came_by_bank_transfer_goes_back_to_the_bank_account_that_the_buyer_sets(
    world: World, stack: Stack, gateway: str
):
    buyer, order = paid_too_late(world, stack, gateway, "BCA", seat_is_gone=True)
    world.mail(buyer.address, "refund_account_needed")
    assert refund_of(stack, order) == "approved"
    buyer.set_bank_account()
    until(lambda: refund_of(stack, order) == "completed", what="for the transfer")
    mail = world.mail(buyer.address, "refund_completed")
    assert "rekening bank" in mail["text"]


def test_a_refund_made_at_the_dashboard_voids_the_tickets(world: World):
    buyer = world.somebody()
    order = buyer.buy(world.somebody("organizer").publish(), gateway="midtrans")
    world.gateway("midtrans", order["payments"][0]["gateway_reference"], "refund")
    refunded = buyer.until_order(order, "refunded")
    assert [ticket["status"] for ticket in refunded["tickets"]] == ["void"]
    answer = buyer.api.call("GET", order["tickets"][0]["download_url"])
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_webhooks_out_of_order_never_move_a_paid_order_backwards(world: World):
    buyer, event = world.somebody(), one_seat(world)
    order = buyer.reserve(event)
    payment = buyer.checkout(order, "midtrans")
    world.gateway("midtrans", payment["gateway_reference"], "pay", deliver="out_of_order")
    assert buyer.until_tickets(order, 1)["status"] == "paid"


@pytest.mark.parametrize(
    ("gateway", "body"),
    [
        ("xendit", {"id": "593f4ed1c3d3bb7f39733d83", "external_id": "invoice_123124123", "status": "PAID"}),
        ("midtrans", {"order_id": "payment_notif_test_G123_abc", "transaction_status": "settlement"}),
    ],
)
def test_the_test_buttons_of_the_dashboards_are_answered_and_change_nothing(world: World, gateway: str, body: dict):
    body = {
        "amount": 50_000, "paid_amount": 50_000, "currency": "IDR", "status_code": "200", "gross_amount": "50000.00",
        "transaction_id": "t", "payment_type": "qris", "transaction_time": "2026-11-21 20:00:00", **body,
    }  # fmt: skip
    if gateway == "midtrans":
        signed = f"{body['order_id']}20050000.00{KEYS['MIDTRANS_SERVER_KEY']}"
        body["signature_key"] = hashlib.sha512(signed.encode()).hexdigest()
    answer = requests.post(
        f"{world.url}/api/v1/payments/webhook/{gateway}",
        json=body,
        headers={"x-callback-token": KEYS["XENDIT_CALLBACK_TOKEN"]},
        timeout=PATIENCE_SECONDS,
    )
    assert (answer.status_code, answer.json()) == (200, {"received": True})
