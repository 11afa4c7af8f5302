"""Holds end on time: a product whose reservations last three seconds, and six once they are being paid (TS-007)."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.folders import a_folder
from tests.people import Person, World
from tests.processes import starts_processes
from tests.stack import Stack
from tests.waiting import until

HOLD_SECONDS, PAYMENT_SECONDS = 3, 6
AT_MOST_LATER_SECONDS = 90
"""Far less than the fifteen minutes of a reservation, and mostly less than until the next sweep."""


@pytest.fixture(scope="module")
@starts_processes
def hasty() -> Iterator[World]:
    """A product in a hurry."""
    with a_folder() as folder:
        running = Stack(
            folder,
            RATE_LIMITS="off",
            RESERVATION_SECONDS=str(HOLD_SECONDS),
            PAYMENT_SECONDS=str(PAYMENT_SECONDS),
            WEB_WORKERS="1",
        )
        try:
            yield World(running.start())
        finally:
            running.stop()


def seconds_late(world_order: dict) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(world_order["reservation_expires_at"])).total_seconds()


def test_a_reservation_ends_at_its_time_and_its_seat_is_free(hasty: World):
    event = hasty.somebody("organizer").publish({"name": "Satu", "price": 50_000, "quota": 1})
    buyer = hasty.somebody()
    order = buyer.reserve(event)
    expired = buyer.until_order(order, "expired", seconds=HOLD_SECONDS + AT_MOST_LATER_SECONDS)
    assert 0 <= seconds_late(expired) <= AT_MOST_LATER_SECONDS
    tier = hasty.anybody.get(f"events/{event['id']}/tickets")["tiers"][0]
    assert (tier["reserved"], tier["available"]) == (0, 1)
    refused = buyer.api.call("POST", f"orders/{order['id']}/checkout", json={"payment_method": "QRIS"})
    assert (refused.status_code, refused.json()["type"]) == (410, "/problems/reservation-expired")


def checked_out(buyer: Person, event: dict, gateway: str) -> tuple[dict, dict] | None:
    """An order and its payment; None where the machine was too busy to check out before the reservation ended."""
    order = buyer.reserve(event)
    answer = buyer.api.call(
        "POST", f"orders/{order['id']}/checkout", json={"payment_method": "QRIS", "gateway": gateway}
    )
    if answer.status_code == 410:
        return None
    assert answer.status_code == 200, answer.text
    return order, answer.json()["payments"][-1]


@pytest.mark.parametrize("gateway", ["xendit", "midtrans"])
def test_an_order_that_is_being_paid_lasts_longer_and_then_ends_with_its_invoice(hasty: World, gateway: str):
    event = hasty.somebody("organizer").publish()
    buyer = hasty.somebody()
    order, payment = until(lambda: checked_out(buyer, event, gateway), what="for a checkout within three seconds")
    longer = buyer.order(order)
    assert longer["reservation_expires_at"] > order["reservation_expires_at"]
    expired = buyer.until_order(order, "expired", seconds=PAYMENT_SECONDS + AT_MOST_LATER_SECONDS)
    assert -1 < seconds_late(expired) <= AT_MOST_LATER_SECONDS  # the gateways count whole seconds
    until(lambda: buyer.order(order)["payments"][0]["status"] == "expired", what="for the payment to end")
    address, ended = (
        f"/simulators/{gateway}/payments/{payment['gateway_reference']}",
        ("expired", "closed", "cancelled"),
    )
    until(lambda: hasty.anybody.get(address)["status"] in ended, what="for the invoice to end")
