"""Holds end on time: a product whose reservations last three seconds, and six once they are being paid (TS-007)."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.folders import a_folder
from tests.people import World
from tests.stack import Stack
from tests.waiting import until

HOLD_SECONDS, PAYMENT_SECONDS = 3, 6
AT_MOST_LATER_SECONDS = 30
"""Less than until the next sweep: it was the task of the order that ended it."""


@pytest.fixture(scope="module")
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
            yield World(running.start().url)
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


@pytest.mark.parametrize("gateway", ["xendit", "midtrans"])
def test_an_order_that_is_being_paid_lasts_longer_and_then_ends_with_its_invoice(hasty: World, gateway: str):
    event = hasty.somebody("organizer").publish()
    buyer = hasty.somebody()
    order = buyer.reserve(event)
    payment = buyer.checkout(order, gateway)
    longer = buyer.order(order)
    assert longer["reservation_expires_at"] > order["reservation_expires_at"]
    expired = buyer.until_order(order, "expired", seconds=PAYMENT_SECONDS + AT_MOST_LATER_SECONDS)
    assert -1 < seconds_late(expired) <= AT_MOST_LATER_SECONDS  # the gateways count whole seconds
    until(lambda: buyer.order(order)["payments"][0]["status"] == "expired", what="for the payment to end")
    state = hasty.anybody.get(f"/simulators/{gateway}/payments/{payment['gateway_reference']}")
    assert state["status"] in ("expired", "closed", "cancelled")
