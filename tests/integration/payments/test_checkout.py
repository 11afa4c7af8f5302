"""Checkout before any gateway is asked: who may pay, until when, and with whose name on the ticket."""

from datetime import timedelta
from uuid import uuid4

import pytest

from shared.cloud.database import transaction
from shared.gateways.statuses import PaymentMethod
from shared.payments import checkout
from shared.payments.checkout import AttendeesMissing, CheckoutRequest, NamedAttendee
from shared.problems import Invalid, NotFound
from shared.sales import orders, reservations
from shared.sales.orders import NotPayable, ReservationExpired
from shared.sales.reservation_requests import ReservationBody, ReservationItem, ReservationRequest
from shared.sales.schemas import OrderResponse
from tests.factories import a_tier, a_user, an_event, an_order, make_overdue

pytestmark = pytest.mark.usefixtures("database")

FREE = a_tier(price=0, quota=5)


def a_free_order(**how) -> tuple[OrderResponse, object]:
    with transaction() as tx:
        buyer, event = a_user(tx), an_event(tx, tiers=[FREE])
    return an_order(event, buyer=buyer, **how), buyer


def a_nameless_order() -> tuple[OrderResponse, object]:
    with transaction() as tx:
        buyer, event = a_user(tx), an_event(tx, tiers=[FREE])
    item = ReservationItem(tier_id=event.tier_ids[0], quantity=2)
    ask = ReservationRequest(buyer.id, ReservationBody(event_id=event.id, items=[item]))
    order = reservations.reserve([ask])[0]
    assert isinstance(order, OrderResponse)
    return order, buyer


def pay(buyer, order_id, **more) -> OrderResponse:
    return checkout.checkout(buyer.id, order_id, CheckoutRequest(payment_method=PaymentMethod.QRIS, **more))


def test_an_order_that_costs_nothing_is_paid_at_once_and_books_nothing(published):
    order, buyer = a_free_order()
    assert pay(buyer, order.id).status == "paid"
    assert published.of("payment.success") == [{"order_id": str(order.id)}]


def test_the_clock_of_the_database_refuses_whatever_the_expiry_tasks_did():
    order, buyer = a_free_order()
    make_overdue(order.id)
    with pytest.raises(ReservationExpired):
        pay(buyer, order.id)


def test_an_expired_order_is_gone_and_a_cancelled_or_paid_one_is_not_payable():
    order, buyer = a_free_order()
    make_overdue(order.id)
    with transaction() as tx:
        orders.expire_due(tx, event_ids=[order.event_id])
    with pytest.raises(ReservationExpired):
        pay(buyer, order.id)

    cancelled, buyer = a_free_order()
    with transaction() as tx:
        orders.cancel(tx, orders.lock(tx, cancelled.id))
    with pytest.raises(NotPayable):
        pay(buyer, cancelled.id)

    paid, buyer = a_free_order()
    pay(buyer, paid.id)
    with pytest.raises(NotPayable):
        pay(buyer, paid.id)


def test_the_hold_lasts_thirty_minutes_from_the_first_moment_and_never_longer():  # TS-008
    order, _ = a_free_order()
    for _ in range(2):
        with transaction() as tx:
            deadline = orders.start_payment(tx, orders.lock(tx, order.id))
        assert deadline - order.created_at == timedelta(minutes=30)


def test_each_ticket_needs_a_name_before_it_can_be_paid():  # TS-004
    order, buyer = a_nameless_order()
    with pytest.raises(AttendeesMissing) as refused:
        pay(buyer, order.id)
    assert len(refused.value.members["errors"]) == 2
    with transaction() as tx:
        assert OrderResponse.read(tx, order.id) == order  # nothing was extended or changed
    named = [
        NamedAttendee(item_id=item.id, name=f"Peserta {n}", email="peserta@example.com")
        for n, item in enumerate(order.items)
    ]
    paid = pay(buyer, order.id, attendees=named)
    assert (paid.status, [item.attendee_name for item in paid.items]) == ("paid", ["Peserta 0", "Peserta 1"])


def test_only_the_orders_own_items_can_be_named():
    order, buyer = a_nameless_order()
    stranger = NamedAttendee(item_id=uuid4(), name="Siapa", email="siapa@example.com")
    with pytest.raises(Invalid) as refused:
        pay(buyer, order.id, attendees=[stranger])
    assert refused.value.members["errors"][0]["field"] == "attendees.0.item_id"


def test_somebody_elses_order_is_not_found():
    order, _ = a_free_order()
    with transaction() as tx:
        stranger = a_user(tx)
    with pytest.raises(NotFound):
        pay(stranger, order.id)
