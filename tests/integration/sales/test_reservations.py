"""Reserving on a real PostgreSQL: never oversold, never deadlocked, one live reservation per buyer and event."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.cloud.request_batching import RequestBatcher
from shared.problems import NotFound, Problem
from shared.sales import order_pricing, orders, reservations
from shared.sales.inventory import SoldOut
from shared.sales.order_pricing import PricedItems, SaleClosed, TooManyTickets
from shared.sales.reservation_requests import ReservationBody, ReservationItem, ReservationRequest
from shared.sales.reservations import AlreadyReserved
from shared.sales.schemas import OrderResponse
from tests.factories import (
    Event,
    Stock,
    a_tier,
    a_user,
    an_event,
    an_order,
    make_overdue,
    reserve,
    stock,
)
from tests.sent_statements import statements
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")


def test_a_reservation_holds_stock_for_fifteen_minutes():  # TS-002, FN-001..003
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(price=150_000, quota=3)])
    order = an_order(event, quantities=[2])
    assert order.status == "reserved"
    assert order.reservation_expires_at - order.created_at == timedelta(minutes=15)
    assert (order.subtotal, order.platform_fee, order.total_amount) == (300_000, 20_000, 320_000)
    assert [item.platform_fee for item in order.items] == [10_000, 10_000]
    assert stock(event.tier_ids[0]) == Stock(reserved=2, sold=0, free=1)


def test_the_answer_is_what_was_written():
    order = an_order(quantities=[3])
    with transaction() as tx:
        assert OrderResponse.read(tx, order.id) == order


def test_the_early_bird_price_counts_only_in_its_window():  # EM-010
    now = datetime.now(UTC)
    early = a_tier(price=100_000, early_bird_price=80_000, early_bird_end=now + timedelta(hours=1))
    late = a_tier(price=100_000, early_bird_price=80_000, early_bird_end=now - timedelta(seconds=1))
    with transaction() as tx:
        event = an_event(tx, tiers=[early, late])
    order = an_order(event, quantities=[1, 1])
    assert sorted(item.unit_price for item in order.items) == [80_000, 100_000]


@pytest.mark.parametrize(
    ("tier", "quantity", "refusal"),
    [
        (a_tier(quota=2), 3, SoldOut),
        (a_tier(max_per_order=2), 3, TooManyTickets),
        (a_tier(sale_start=datetime.now(UTC) + timedelta(hours=1)), 1, SaleClosed),
        (a_tier(sale_end=datetime.now(UTC) - timedelta(hours=1)), 1, SaleClosed),
    ],
)
def test_a_refusal_holds_nothing(tier, quantity, refusal):
    with transaction() as tx:
        buyer, event = a_user(tx), an_event(tx, tiers=[tier])
    assert isinstance(reserve(buyer, event, [quantity]), refusal)
    assert stock(event.tier_ids[0]).reserved == 0


def test_a_sold_out_refusal_says_how_many_are_left():
    with transaction() as tx:
        buyer, event = a_user(tx), an_event(tx, tiers=[a_tier(quota=2)])
    refusal = reserve(buyer, event, [3])
    assert isinstance(refusal, SoldOut)
    assert refusal.members["available"] == 2


def test_a_draft_or_past_event_is_not_on_sale():
    with transaction() as tx:
        buyer = a_user(tx)
        draft = an_event(tx, status="draft")
        past = an_event(tx, starts_at=datetime.now(UTC) - timedelta(days=2))
    assert isinstance(reserve(buyer, draft), SaleClosed)
    assert isinstance(reserve(buyer, past), SaleClosed)


def test_a_tier_of_another_event_is_not_found():
    with transaction() as tx:
        buyer, one, other = a_user(tx), an_event(tx), an_event(tx)
    mixed = type(one)(one.id, one.organizer_id, other.tier_ids)
    assert isinstance(reserve(buyer, mixed), NotFound)


def test_a_second_reservation_for_the_event_is_refused_and_names_the_first():  # ISO-1
    with transaction() as tx:
        buyer, event = a_user(tx), an_event(tx)
    first = reserve(buyer, event)
    second = reserve(buyer, event)
    assert isinstance(second, AlreadyReserved)
    assert second.members["order_id"] == str(first.id)
    assert stock(event.tier_ids[0]).reserved == 1


def test_the_same_idempotency_key_finds_the_order_again():
    with transaction() as tx:
        buyer, event = a_user(tx), an_event(tx)
    first = reserve(buyer, event, idempotency_key="tap-1")
    assert reserve(buyer, event, idempotency_key="tap-1") == first
    assert stock(event.tier_ids[0]).reserved == 1


def test_an_overdue_reservation_of_somebody_else_gives_way():
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=1)])
        buyer = a_user(tx)
    older = an_order(event)
    make_overdue(older.id)
    assert isinstance(reserve(buyer, event), OrderResponse)
    with transaction() as tx:
        assert OrderResponse.read(tx, older.id).status == "expired"


def test_an_overdue_reservation_of_the_buyer_gives_way():
    with transaction() as tx:
        buyer, event = a_user(tx), an_event(tx)
    older = an_order(event, buyer=buyer)
    make_overdue(older.id)
    assert isinstance(reserve(buyer, event), OrderResponse)
    assert stock(event.tier_ids[0]).reserved == 1


@pytest.mark.slow("a crowd in threads")
def test_four_hundred_buyers_for_a_hundred_seats():  # TS-009, TS-010, TS-003
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=100)])
        buyers = [a_user(tx) for _ in range(400)]
    outcomes = at_the_same_time([lambda buyer=buyer: reserve(buyer, event) for buyer in buyers])
    held = [outcome for outcome in outcomes if isinstance(outcome, OrderResponse)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, SoldOut)]
    assert (len(held), len(refused)) == (100, 300)
    assert stock(event.tier_ids[0]) == Stock(reserved=100, sold=0, free=0)


def test_combined_requests_share_a_statement_and_nothing_else():
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=50)])
        buyers = [a_user(tx) for _ in range(120)]
    combined = RequestBatcher(reservations.reserve)
    requests = [
        ReservationRequest(
            buyer.id,
            ReservationBody(event_id=event.id, items=[ReservationItem(tier_id=event.tier_ids[0], quantity=1)]),
        )
        for buyer in buyers
    ]
    outcomes = at_the_same_time([lambda request=request: combined(request) for request in requests])
    assert sum(isinstance(outcome, OrderResponse) for outcome in outcomes) == 50
    assert stock(event.tier_ids[0]) == Stock(reserved=50, sold=0, free=0)
    owners = {
        outcome.id: buyer for outcome, buyer in zip(outcomes, buyers, strict=True) if isinstance(outcome, OrderResponse)
    }
    with transaction() as tx:
        for order_id, buyer in owners.items():
            assert orders.lock_own(tx, order_id, buyer.id).status == "reserved"


def test_a_refused_request_does_not_spoil_the_others_of_its_batch():
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=3)])
        buyers = [a_user(tx) for _ in range(3)]
    outcomes = reservations.reserve(
        [
            ReservationRequest(
                buyer.id,
                ReservationBody(
                    event_id=event.id,
                    items=[ReservationItem(tier_id=event.tier_ids[0], quantity=quantity)],
                ),
            )
            for buyer, quantity in zip(buyers, (2, 2, 1), strict=True)
        ]
    )
    assert [type(outcome) for outcome in outcomes] == [OrderResponse, SoldOut, OrderResponse]
    assert stock(event.tier_ids[0]) == Stock(reserved=3, sold=0, free=0)


def asks(event: Event, count: int) -> list[ReservationRequest]:
    """Requests of so many buyers, each for a ticket of the first tier."""
    body = ReservationBody(event_id=event.id, items=[ReservationItem(tier_id=event.tier_ids[0], quantity=1)])
    with transaction() as tx:
        return [ReservationRequest(a_user(tx).id, body) for _ in range(count)]


def test_a_batch_that_wants_more_than_is_left_serves_the_first_and_costs_a_few_statements():
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=10)])
    batch = asks(event, 64)
    with statements() as sent:
        outcomes = reservations.reserve(batch)
    assert [type(outcome) for outcome in outcomes] == [OrderResponse] * 10 + [SoldOut] * 54
    assert len(sent) == 4  # prices, orders, prices of the others, and the look for what is overdue


def test_a_batch_whose_seats_are_taken_meanwhile_gets_what_is_left(monkeypatch: pytest.MonkeyPatch):
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=10)])
    batch, others = asks(event, 16), asks(event, 6)
    read, taken = order_pricing.price, []

    def price(requests: Sequence[ReservationRequest]) -> list[PricedItems | Problem]:
        priced = read(requests)
        if len(requests) == len(batch) and not taken:
            taken.append(True)
            taken.extend(reservations.reserve(others))
        return priced

    monkeypatch.setattr(order_pricing, "price", price)
    with statements() as sent:
        outcomes = reservations.reserve(batch)
    assert [type(outcome) for outcome in outcomes] == [OrderResponse] * 4 + [SoldOut] * 12
    assert stock(event.tier_ids[0]) == Stock(reserved=10, sold=0, free=0)
    assert len(sent) < len(batch)


def test_two_tiers_in_opposite_order_never_deadlock():  # TS-010
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=500), a_tier(quota=500, name="VIP")])
        buyers = [a_user(tx) for _ in range(80)]
    opposite = type(event)(event.id, event.organizer_id, event.tier_ids[::-1])
    asked = [event, opposite] * 40
    outcomes = at_the_same_time([lambda b=b, e=e: reserve(b, e, [1, 1]) for b, e in zip(buyers, asked, strict=True)])
    assert all(isinstance(outcome, OrderResponse) for outcome in outcomes)
    assert [stock(tier_id).reserved for tier_id in event.tier_ids] == [80, 80]


def test_the_double_tap_of_one_buyer_reserves_once():  # ISO-1
    with transaction() as tx:
        buyer, event = a_user(tx), an_event(tx, tiers=[a_tier(quota=100)])
    outcomes = at_the_same_time([lambda: reserve(buyer, event)] * 12)
    assert sum(isinstance(outcome, OrderResponse) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, AlreadyReserved) for outcome in outcomes) == 11
    assert stock(event.tier_ids[0]).reserved == 1


def test_expiry_gives_stock_back_once_however_many_sweep():  # TS-007
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=50, max_per_order=5)])
    for _ in range(10):
        make_overdue(an_order(event, quantities=[3]).id)

    def sweep() -> int:
        with transaction() as tx:
            return orders.expire_due(tx, event_ids=[event.id])

    assert sum(at_the_same_time([sweep] * 8)) == 10
    assert stock(event.tier_ids[0]) == Stock(reserved=0, sold=0, free=50)


def test_a_tier_that_goes_off_sale_in_the_very_moment_holds_nothing():
    with transaction() as tx:
        buyer, event = a_user(tx), an_event(tx)
    ask = ReservationRequest(
        buyer.id,
        ReservationBody(event_id=event.id, items=[ReservationItem(tier_id=event.tier_ids[0], quantity=1)]),
    )
    [priced] = order_pricing.price([ask])
    with transaction() as tx:
        tx.execute(text("UPDATE ticket_tiers SET is_on_sale = false WHERE event_id = :id"), {"id": event.id})
    order = reservations._new_order(ask, priced)
    assert isinstance(reservations._create([(ask, order)])[order.id], SaleClosed)
    assert stock(event.tier_ids[0]).reserved == 0
