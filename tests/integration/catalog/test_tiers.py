"""EM-008..012: tiers; their quotas never exceed the capacity, and never fall below what is held or sold."""

import contextlib
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from shared.catalog.events import EventResponse
from shared.catalog.tiers import (
    MAX_TIERS_PER_EVENT,
    CapacityExceeded,
    KindIsFixed,
    QuotaTooSmall,
    TierChange,
    TierCodeTaken,
    TooManyTiers,
)
from shared.cloud import clock
from shared.cloud.database import transaction
from shared.problems import Invalid, NotFound
from shared.sales.schemas import OrderResponse
from tests.factories import Event, a_user, an_order, reserve
from tests.integration.catalog.steps import END, START, add_tier, change, change_tier, create, publish, tier
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")


def quotas(event_id: UUID) -> int:
    """The sum of an event's quotas."""
    with transaction() as tx:
        total: int = tx.execute(
            text("SELECT COALESCE(sum(quota), 0) FROM ticket_tiers WHERE event_id = :id"), {"id": event_id}
        ).scalar_one()
    return total


def sell(event: EventResponse, quantity: int, *, paid: bool = True) -> OrderResponse:
    """Sell some of the first tier."""
    return an_order(Event(event.id, event.organizer_id, [event.tiers[0].id]), quantities=[quantity], paid=paid)


def test_a_tier_added_to_a_published_event_is_on_sale_at_once():
    event = publish(create())
    added = add_tier(event, name="VIP")
    with transaction() as tx:
        buyer = a_user(tx)
    assert isinstance(reserve(buyer, Event(event.id, event.organizer_id, [added.id])), OrderResponse)


def test_quotas_over_the_capacity_are_refused_on_every_way():
    with pytest.raises(CapacityExceeded) as refusal:
        create(capacity=19, tiers=[tier(quota=10), tier(quota=10)])
    assert (refusal.value.members["capacity"], refusal.value.members["quotas"]) == (19, 20)
    event = create(capacity=15, tiers=[tier(quota=10)])
    with pytest.raises(CapacityExceeded):
        add_tier(event, quota=6)
    with pytest.raises(CapacityExceeded):
        change_tier(event, event.tiers[0].id, quota=16)
    with pytest.raises(CapacityExceeded):
        change(event, capacity=9)
    assert quotas(event.id) == 10
    assert add_tier(event, quota=5).quota == 5


def test_an_event_has_so_many_tiers_and_no_more_on_every_way():
    event = create(capacity=10_000, tiers=[tier(quota=1)] * 50)
    change(event, tiers=[{"name": "B", "price": 0, "quota": 1}] * (MAX_TIERS_PER_EVENT - 51))

    def add() -> None:
        with contextlib.suppress(TooManyTiers):
            add_tier(event, quota=1)

    at_the_same_time([add] * 3)
    with pytest.raises(TooManyTiers):
        change(event, tiers=[{"name": "C", "price": 0, "quota": 1}])
    assert change_tier(event, event.tiers[0].id, quota=2).quota == 2, "what is there may change"
    assert quotas(event.id) == MAX_TIERS_PER_EVENT + 1


def test_tiers_added_and_raised_at_the_same_moment_never_exceed_the_capacity():
    event = create(capacity=100, tiers=[tier(quota=10)])

    def add() -> None:
        with contextlib.suppress(CapacityExceeded):
            add_tier(event, quota=20)

    def increase() -> None:
        with contextlib.suppress(CapacityExceeded):
            change_tier(event, event.tiers[0].id, quota=30)

    at_the_same_time([add] * 8 + [increase] * 4)

    assert quotas(event.id) == 90, "10 and four times 20, or 30 and three times 20"


def test_a_quota_may_be_cut_to_what_is_held_and_sold_and_not_below():
    event = publish(create())
    sell(event, 3)
    sell(event, 2, paid=False)
    tier_id = event.tiers[0].id
    with pytest.raises(QuotaTooSmall):
        change_tier(event, tier_id, quota=4)
    with pytest.raises(QuotaTooSmall):
        change(event, tiers=[{"id": tier_id, "quota": 4}])
    cut = change_tier(event, tier_id, quota=5)
    assert (cut.reserved, cut.sold, cut.available, cut.sold_out) == (2, 3, 0, True)


def test_cutting_a_quota_and_buying_at_the_same_moment_never_oversells():
    event = publish(create(tiers=[tier(quota=4)]))
    tier_id = event.tiers[0].id
    with transaction() as tx:
        buyers = [a_user(tx) for _ in range(6)]

    def cut() -> bool:
        try:
            change_tier(event, tier_id, quota=2)
        except QuotaTooSmall:
            return False
        return True

    target = Event(event.id, event.organizer_id, [tier_id])
    outcomes = at_the_same_time([cut, *(lambda buyer=buyer: reserve(buyer, target) for buyer in buyers)])
    held = len([outcome for outcome in outcomes if isinstance(outcome, OrderResponse)])
    assert held == (2 if outcomes[0] else 4)


def test_a_new_price_leaves_what_is_held_and_sold_as_it_was_agreed():
    event = publish(create())
    order = sell(event, 2, paid=False)
    changed = change_tier(event, event.tiers[0].id, price=150_000)
    assert changed.current_price == 150_000
    with transaction() as tx:
        kept = OrderResponse.read(tx, order.id)
    assert {item.unit_price for item in kept.items} == {100_000}
    assert kept.total_amount == order.total_amount


def test_the_early_bird_price_is_the_current_one_until_it_ends():
    soon = clock.now() + timedelta(days=1)
    early = tier(early_bird_price=80_000, early_bird_end=soon)
    event = create(tiers=[early])
    assert event.tiers[0].current_price == 80_000
    over = change_tier(
        event, event.tiers[0].id, early_bird_start=soon - timedelta(days=9), early_bird_end=soon - timedelta(days=2)
    )
    assert over.current_price == 100_000
    assert change_tier(event, event.tiers[0].id, early_bird_price=None).early_bird_price is None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"early_bird_price": 100_000, "early_bird_end": START}, "early_bird_price"),
        ({"early_bird_price": 80_000}, "early_bird_end"),
        ({"early_bird_price": 80_000, "early_bird_start": END, "early_bird_end": START}, "early_bird_end"),
        ({"sale_start": START, "sale_end": START}, "sale_end"),
        ({"sale_start": END}, "sale_start"),
    ],
)
def test_windows_and_prices_that_contradict_each_other_are_refused(wrong: dict[str, Any], field: str):
    event = create()
    for act in (
        lambda: create(tiers=[tier(**wrong)]),
        lambda: add_tier(event, **wrong),
        lambda: change_tier(event, event.tiers[0].id, **wrong),
    ):
        with pytest.raises(Invalid) as refusal:
            act()
        assert [error["field"] for error in refusal.value.members["errors"]] == [field]


def test_a_price_may_not_fall_to_the_early_bird_price():
    event = create(tiers=[tier(early_bird_price=80_000, early_bird_end=START)])
    with pytest.raises(Invalid):
        change_tier(event, event.tiers[0].id, price=80_000)


def test_the_kind_is_fixed_once_something_is_held():
    event = publish(create())
    assert change_tier(event, event.tiers[0].id, kind="product").kind == "product"
    assert change_tier(event, event.tiers[0].id, kind="ticket").kind == "ticket"
    sell(event, 1, paid=False)
    with pytest.raises(KindIsFixed):
        change_tier(event, event.tiers[0].id, kind="product")
    assert change_tier(event, event.tiers[0].id, name="Umum").name == "Umum"


def test_a_tier_of_another_event_is_not_found():
    event, other = create(), create()
    with pytest.raises(NotFound):
        change_tier(event, other.tiers[0].id, quota=5)
    with pytest.raises(NotFound):
        change(event, tiers=[{"id": other.tiers[0].id, "quota": 5}])


def test_an_organizer_chooses_the_code_by_which_a_tier_is_bought_and_no_other_tier_has_it():  # CHAT-1
    code = f"vip-{uuid4().hex[:8]}"
    event = create(tiers=[tier(code=code), tier(name="VIP")])
    assert event.tiers[0].code == code.upper()
    assert len(event.tiers[1].code) == 6  # drawn
    other = create()
    for take in (
        lambda: change_tier(event, event.tiers[1].id, code=code),
        lambda: add_tier(other, code=code.upper()),
        lambda: create(tiers=[tier(code=code)]),
    ):
        with pytest.raises(TierCodeTaken) as refusal:
            take()
        assert refusal.value.members["errors"][0]["field"] == "code"
    assert change_tier(event, event.tiers[0].id, name="Utama").code == code.upper()
    assert change_tier(event, event.tiers[0].id, code=f"{code}-2").code == f"{code}-2".upper()
    assert add_tier(other, code=code).code == code.upper()  # it is free again


@pytest.mark.parametrize("code", ["", "AB", "X" * 17, "-VIP", "VIP 1", "VIP_1", "VÎP", None])
def test_a_code_is_letters_and_digits(code: str | None):
    with pytest.raises(ValidationError):
        TierChange(code=code)


def test_two_tiers_that_want_one_code_at_once_do_not_both_get_it():
    code = f"vip-{uuid4().hex[:8]}"
    events = [create(), create()]

    def take(event: EventResponse) -> bool:
        with contextlib.suppress(TierCodeTaken):
            return add_tier(event, code=code).code == code.upper()
        return False

    assert sorted(at_the_same_time([lambda event=event: take(event) for event in events])) == [False, True]
