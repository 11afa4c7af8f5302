"""One active registration per category and identity number, whatever happens at once (REG-1)."""

import logging
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from shared.cloud import field_encryption
from shared.cloud.database import transaction
from shared.payments import checkout
from shared.payments.checkout import AttendeesMissing
from shared.privacy import personal_data_inventory
from shared.sales import orders, registrations, reservations
from shared.sales.registrations import AlreadyRegistered
from shared.sales.reservation_requests import ReservationBody, ReservationItem, ReservationRequest
from shared.sales.schemas import OrderResponse
from tests.factories import Stock, a_nik, a_promo, a_tier, a_user, an_event, an_order, make_overdue, reserve, stock
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")

NIK = "3171234508900001"


def race(*, buyers=1, tiers=(), price=100_000):
    """A race of a hundred, and people who want to take part."""
    with transaction() as tx:
        event = an_event(tx, tiers=tiers or [a_tier(kind="registration", name="10K", quota=100, price=price)])
        return event, [a_user(tx) for _ in range(buyers)]


def rows(sql, **values):
    with transaction() as tx:
        return tx.execute(text(sql), values).all()


def of_order(order):
    return rows("SELECT * FROM registrations WHERE order_id = :id", id=order.id)


def unnamed(buyer, event, *, quantity=1):
    """An order whose participants are named at checkout."""
    items = [ReservationItem(tier_id=event.tier_ids[0], quantity=quantity)]
    request = ReservationBody(event_id=event.id, items=items)
    [order] = reservations.reserve([ReservationRequest(buyer.id, request)])
    return order


def check_out(buyer, order, *numbers):
    """Pay a free order, naming its participants."""
    named = [
        checkout.NamedAttendee(item_id=item.id, name="Siti", email="siti@example.com", identity_number=number)
        for item, number in zip(order.items, numbers, strict=True)
    ]
    return checkout.checkout(buyer.id, order.id, checkout.CheckoutRequest(payment_method="ANY", attendees=named))


def test_the_number_is_sealed_found_by_its_index_and_shown_by_its_end():
    event, [buyer] = race()
    order = reserve(buyer, event, identity_number="3171 2345 0890 0001")
    [item] = order.items
    assert item.identity_number == "************0001"
    with transaction() as tx:
        assert OrderResponse.read(tx, order.id) == order
    [row] = of_order(order)
    assert NIK not in str(row)
    assert field_encryption.decrypt(row.identity_sealed, about=f"identity_number:{item.id}") == NIK
    with pytest.raises(field_encryption.DecryptionFailed):
        field_encryption.decrypt(row.identity_sealed, about=f"identity_number:{order.id}")


def test_a_tier_that_does_not_ask_keeps_nothing():
    with transaction() as tx:
        buyer, event = a_user(tx), an_event(tx)
    order = reserve(buyer, event, identity_number=NIK)
    assert order.items[0].identity_number is None
    assert of_order(order) == []


def test_the_same_number_is_registered_once_per_category():
    event, [buyer, other, third] = race(buyers=3, tiers=[a_tier(kind="registration"), a_tier(kind="registration")])
    assert isinstance(reserve(buyer, event, identity_number=NIK), OrderResponse)
    assert isinstance(reserve(other, event, identity_number="3171-2345-0890-0001"), AlreadyRegistered)
    assert isinstance(reserve(third, event, (0, 1), identity_number=NIK), OrderResponse)
    assert stock(event.tier_ids[0]) == Stock(reserved=1, sold=0, free=9)


def test_one_order_can_not_register_somebody_twice():
    event, [buyer] = race()
    assert isinstance(reserve(buyer, event, [2], identity_number=NIK), AlreadyRegistered)
    assert stock(event.tier_ids[0]).reserved == 0


def test_forty_buyers_register_the_same_runner():
    event, buyers = race(buyers=40)
    outcomes = at_the_same_time([lambda buyer=buyer: reserve(buyer, event, identity_number=NIK) for buyer in buyers])
    assert sum(isinstance(outcome, OrderResponse) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, AlreadyRegistered) for outcome in outcomes) == 39
    assert stock(event.tier_ids[0]).reserved == 1


def test_at_checkout_as_well():
    event, buyers = race(buyers=8, price=0)
    orders_of = [unnamed(buyer, event) for buyer in buyers]

    def pay(buyer, order):
        try:
            return check_out(buyer, order, NIK).status
        except AlreadyRegistered as refused:
            return refused.slug

    outcomes = at_the_same_time([lambda b=b, o=o: pay(b, o) for b, o in zip(buyers, orders_of, strict=True)])
    assert sorted(outcomes) == ["already-registered"] * 7 + ["paid"]


def test_participants_in_opposite_order_never_deadlock():
    event, buyers = race(buyers=12, price=0)
    one, two = a_nik(), a_nik()
    orders_of = [unnamed(buyer, event, quantity=2) for buyer in buyers]

    def pay(buyer, order, numbers):
        try:
            return check_out(buyer, order, *numbers).status
        except AlreadyRegistered as refused:
            return refused.slug

    numbers = [(one, two), (two, one)] * 6
    acts = [lambda b=b, o=o, n=n: pay(b, o, n) for b, o, n in zip(buyers, orders_of, numbers, strict=True)]
    assert sorted(at_the_same_time(acts)) == ["already-registered"] * 11 + ["paid"]


def test_nobody_pays_before_the_number_is_there():
    event, [buyer] = race(price=0)
    order = unnamed(buyer, event)
    with pytest.raises(AttendeesMissing) as refused:
        check_out(buyer, order, None)
    assert str(order.items[0].id) in refused.value.members["errors"][0]["message"]
    assert check_out(buyer, order, NIK).status == "paid"


def test_a_number_may_be_corrected_until_the_order_is_paid():
    event, [buyer, other] = race(buyers=2)
    order = reserve(buyer, event, identity_number=NIK)
    with transaction() as tx:
        orders.lock(tx, order.id)
        registrations.register(tx, order.id, {order.items[0].id: (event.tier_ids[0], "X1234567")})
    assert isinstance(reserve(other, event, identity_number=NIK), OrderResponse)
    [row] = of_order(order)
    assert field_encryption.decrypt(row.identity_sealed, about=f"identity_number:{order.items[0].id}") == "X1234567"


@pytest.mark.parametrize("limits", [{}, {"one_purchase_per_person": True}])
@pytest.mark.parametrize("categories", [1, 2])
def test_two_whose_numbers_were_mixed_up_change_places(categories, limits):
    tiers = [a_tier(kind="registration", quota=5) for _ in range(categories)]
    with transaction() as tx:
        event, buyer = an_event(tx, tiers=tiers, **limits), a_user(tx)
    items = [ReservationItem(tier_id=tier_id, quantity=2 // categories) for tier_id in event.tier_ids]
    [order] = reservations.reserve([ReservationRequest(buyer.id, ReservationBody(event_id=event.id, items=items))])
    other, third = a_nik(), a_nik()
    for numbers in ((NIK, other), (other, NIK), (NIK, third)):
        named = {item.id: (item.tier_id, number) for item, number in zip(order.items, numbers, strict=True)}
        with transaction() as tx:
            orders.lock(tx, order.id)
            registrations.register(tx, order.id, named)
            shown = [item.identity_number for item in OrderResponse.read(tx, order.id).items]
        assert shown == [registrations.mask(number) for number in numbers]
        assert [row.is_active for row in of_order(order)] == [True, True]


@pytest.mark.parametrize("ends", ["cancelled", "expired", "refunded"])
def test_who_has_not_paid_or_has_their_money_back_may_register_anew(ends):
    event, [buyer, other] = race(buyers=2)
    order = reserve(buyer, event, identity_number=NIK)
    with transaction() as tx:
        locked = orders.lock(tx, order.id)
        if ends == "cancelled":
            orders.cancel(tx, locked)
        elif ends == "refunded":
            orders.mark_paid(tx, locked, datetime.now(UTC))
    if ends == "refunded":
        assert isinstance(reserve(other, event, identity_number=NIK), AlreadyRegistered)
        with transaction() as tx:
            orders.mark_refunded(tx, orders.lock(tx, order.id))
    elif ends == "expired":  # nobody has swept it yet
        make_overdue(order.id)
    assert isinstance(reserve(other, event, identity_number=NIK), OrderResponse)
    assert [row.is_active for row in of_order(order)] == [False]


def test_late_money_registers_again_or_goes_back():  # LATE-1
    event, [buyer, other] = race(buyers=2)
    order = reserve(buyer, event, identity_number=NIK)
    with transaction() as tx:
        orders.expire(tx, orders.lock(tx, order.id))
    rival = reserve(other, event, identity_number=NIK)
    with transaction() as tx:
        with pytest.raises(AlreadyRegistered):
            orders.revive(tx, orders.lock(tx, order.id), datetime.now(UTC))
        assert orders.lock(tx, order.id).status == "expired"  # the transaction goes on
        orders.cancel(tx, orders.lock(tx, rival.id))
    with transaction() as tx:
        orders.revive(tx, orders.lock(tx, order.id), datetime.now(UTC))
    assert [row.is_active for row in of_order(order)] == [True]
    assert stock(event.tier_ids[0]) == Stock(reserved=0, sold=1, free=99)


def test_a_ticket_that_is_refunded_alone_frees_its_participant_alone():
    event, [buyer, other] = race(buyers=2)
    order = an_order(event, buyer=buyer, quantities=[2], paid=True)
    with transaction() as tx:
        orders.lock(tx, order.id)
        registrations.deactivate_items(tx, [order.items[0].id])
    assert {row.item_id: row.is_active for row in of_order(order)} == {
        order.items[0].id: False,
        order.items[1].id: True,
    }
    assert isinstance(reserve(other, event), OrderResponse)


def test_with_a_promo_code_in_the_same_statement():
    event, buyers = race(buyers=20)
    with transaction() as tx:
        a_promo(tx, event, code="LARI", max_uses=5)
    outcomes = at_the_same_time(
        [
            lambda n=n, buyer=buyer: reserve(buyer, event, promo_code="LARI", identity_number=f"A00000{n % 10}")
            for n, buyer in enumerate(buyers)
        ]
    )
    assert sum(isinstance(outcome, OrderResponse) for outcome in outcomes) == 5
    assert len(rows("SELECT 1 FROM registrations WHERE tier_id = :id", id=event.tier_ids[0])) == 5


def test_nothing_of_it_is_logged(caplog):
    event, [buyer, other] = race(buyers=2)
    with caplog.at_level(logging.DEBUG):
        reserve(buyer, event, identity_number=NIK)
        reserve(other, event, identity_number=NIK)
    assert NIK not in caplog.text


def test_a_copy_of_my_data_shows_its_end_and_a_deleted_account_leaves_none():
    event, [buyer] = race()
    order = reserve(buyer, event, identity_number=NIK)
    with transaction() as tx:
        [held] = personal_data_inventory.read(tx, buyer.id)["orders"]
    assert held["items"][0]["identity_number_ending"] == "0001"
    with transaction() as tx:
        registrations.erase(tx, buyer.id)
    assert of_order(order) == []
