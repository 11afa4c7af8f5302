"""An event's orders are found by what an organizer knows of one, and each tells its history (ISO-1)."""

from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.messages import mails
from shared.problems import NotFound
from shared.refunds import approval
from shared.refunds import requests as refund_requests
from shared.refunds.approval import Rejection
from shared.refunds.requests import RefundRequest
from shared.reports import order_history, order_search
from shared.reports.order_history import HistoryEventKind
from shared.reports.order_search import OrderSearch
from shared.sales import expiry
from shared.sales.schemas import OrderResponse
from shared.states import OrderStatus
from tests.factories import Event, a_user, an_event, an_order, make_overdue
from tests.integration.refunds.sales import a_paid_order
from tests.integration.reports.steps import give_back, organizer_of

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def event() -> Event:
    with transaction() as tx:
        return an_event(tx)


@pytest.fixture
def buyer() -> Principal:
    with transaction() as tx:
        return a_user(tx, full_name="Made_50% Wirawan", email=f"made.{uuid4().hex[:8]}@contoh.id")


def found(event: Event, by: Principal | None = None, **wanted: object) -> list[str]:
    with transaction() as tx:
        listing = order_search.search(tx, by or organizer_of(event), event.id, OrderSearch(**wanted))  # type: ignore[arg-type]
    assert listing.total == len(listing.items)
    return [str(each.id) for each in listing.items]


def steps(event: Event, order: OrderResponse) -> list[str]:
    with transaction() as tx:
        return [each.step.value for each in order_history.read(tx, organizer_of(event), order.id).moments]


def test_an_order_is_found_by_name_address_number_and_reference(event: Event, buyer: Principal):
    order = a_paid_order(event, buyer=buyer)
    a_paid_order(event)
    with transaction() as tx:
        address = tx.execute(text("SELECT email FROM users WHERE id = :id"), {"id": buyer.id}).scalar_one()
    reference = order.payments[0].gateway_reference
    for words in ("made", "50%", "Made_50", address.upper(), f"  {address} ", str(order.id)[:9], reference):
        assert found(event, q=words) == [str(order.id)], words


@pytest.mark.parametrize("words", ["%", "_", "\\", "tidak ada"])
def test_signs_of_a_pattern_are_only_letters(event: Event, words: str):
    an_order(event)
    assert found(event, q=words) == []


def test_an_attendee_leads_to_the_order_and_a_state_narrows_it(event: Event):
    paid, held = a_paid_order(event), an_order(event)
    assert set(found(event, q="peserta1@")) == {str(paid.id), str(held.id)}
    assert found(event, q="Peserta 1", status=OrderStatus.PAID) == [str(paid.id)]
    assert found(event, status=OrderStatus.RESERVED) == [str(held.id)]
    assert found(event, q="") == found(event)


def test_orders_of_other_events_and_for_other_organizers_are_not_there(event: Event):
    with transaction() as tx:
        other = an_event(tx, organizer_id=event.organizer_id)
        stranger = a_user(tx, role="organizer")
    order = a_paid_order(other)
    assert found(event) == []
    with pytest.raises(NotFound):
        found(other, by=stranger)
    with transaction() as tx, pytest.raises(NotFound):
        order_history.read(tx, stranger, order.id)


def test_a_history_tells_payment_ticket_mail_and_refunds_in_their_order(event: Event, buyer: Principal):
    order = a_paid_order(event, buyer=buyer, quantities=(2,))
    with transaction() as tx:
        mails.enqueue_ticket_delayed(tx, order.id)
        wanted = RefundRequest(order_id=order.id, ticket_ids=[order.tickets[0].id], reason="Sakit")
        refund = refund_requests.request(tx, buyer.id, wanted)
    with transaction() as tx:
        approval.reject(tx, organizer_of(event), refund.id, Rejection(reason="Terlambat"))
    give_back(order, buyer, organizer_of(event), tickets=1)
    told = steps(event, order)
    assert told[:2] == ["reserved", "payment_opened"]
    assert set(told[2:4]) == {"payment_paid", "paid"}
    assert told.count("ticket_issued") == 2
    assert [each for each in told if each.startswith("refund")] == [
        "refund_requested", "refund_rejected", "refund_requested", "refund_approved",
    ]  # fmt: skip
    assert "mail" in told


def test_a_history_tells_tickets_that_were_issued_together_in_the_order_of_the_order(event: Event):
    order = a_paid_order(event, quantities=(5,))
    with transaction() as tx:
        told = order_history.read(tx, organizer_of(event), order.id).moments
    issued = [each.whom for each in told if each.step is HistoryEventKind.TICKET_ISSUED]
    assert issued == [f"Peserta {number}" for number in range(1, 6)]


def test_a_history_of_an_order_that_was_not_paid_ends_with_its_expiry(event: Event):
    order = an_order(event)
    make_overdue(order.id)
    expiry.expire_all_due()
    assert steps(event, order) == ["reserved", "expired"]


def test_looking_at_buyers_is_audited(event: Event):
    order = a_paid_order(event)
    found(event)
    steps(event, order)
    with transaction() as tx:
        seen = tx.execute(
            text("SELECT subject, subject_id FROM audit_log WHERE action = 'organizer.read' AND actor_id = :id"),
            {"id": event.organizer_id},
        ).all()
    assert {("orders", str(event.id)), ("order", str(order.id))} <= {tuple(row) for row in seen}
