"""Refunds under pressure: asked for, decided and paid back once, whoever does what in the same instant."""

import threading
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.accounting import ledger
from shared.catalog.editing import EventCancelled
from shared.cloud.database import Transaction, transaction
from shared.identity.tokens import Principal
from shared.payments import cancellation
from shared.payments.cancellation import Cancellation
from shared.problems import Problem
from shared.refunds import approval
from shared.refunds import records as refund_records
from shared.refunds import requests as refund_requests
from shared.refunds.approval import RefundAlreadyDecided, Rejection
from shared.refunds.requests import AlreadyRequested, RefundRequest
from shared.sales import expiry, inventory
from shared.sales.schemas import OrderResponse
from shared.tickets.voiding import TicketUsed
from tests.factories import Event, Stock, a_tier, a_user, an_event, an_order, make_overdue, stock
from tests.integration.refunds.sales import a_paid_order, a_payment, a_status
from tests.status_handling import handle_one
from tests.threads import at_the_same_time
from tests.waiting import PATIENCE_SECONDS, until

_ASKED = text("""
    SELECT i.order_item_id FROM refund_items i JOIN refunds r ON r.id = i.refund_id WHERE r.order_id = :id
""")

pytestmark = pytest.mark.usefixtures("database")


def an_organizer(event: Event) -> Principal:
    return Principal(event.organizer_id, "organizer", event.organizer_id)


def a_sale(quantity: int = 1) -> tuple[Event, Principal, OrderResponse]:
    with transaction() as tx:
        event, buyer = an_event(tx, tiers=[a_tier(quota=50, price=100_000)]), a_user(tx)
    return event, buyer, a_paid_order(event, buyer=buyer, quantities=[quantity])


def request_refund(buyer: Principal, order: OrderResponse, *ticket_numbers: int) -> str:
    """The slug of what came of asking for these tickets, or for all."""
    ticket_ids = [order.tickets[number].id for number in ticket_numbers] or None
    try:
        with transaction() as tx:
            refund_requests.request(
                tx, buyer.id, RefundRequest(order_id=order.id, ticket_ids=ticket_ids, reason="Sakit")
            )
    except Problem as problem:
        return problem.slug
    return "requested"


def requested(buyer: Principal, order: OrderResponse, *ticket_numbers: int) -> refund_requests.RefundResponse:
    ticket_ids = [order.tickets[number].id for number in ticket_numbers] or None
    with transaction() as tx:
        return refund_requests.request(
            tx, buyer.id, RefundRequest(order_id=order.id, ticket_ids=ticket_ids, reason="Sakit")
        )


def decide(act: str, caller: Principal, refund: refund_requests.RefundResponse) -> str:
    try:
        with transaction() as tx:
            if act == "approve":
                return approval.approve(tx, caller, refund.id).status
            return approval.reject(tx, caller, refund.id, Rejection(reason="Tidak")).status
    except (RefundAlreadyDecided, EventCancelled, TicketUsed) as problem:
        return problem.slug


def entries(order: OrderResponse, kind: str) -> dict[str, int]:
    with transaction() as tx:
        rows = tx.execute(
            text("""
                SELECT split_part(e.account, ':', 1) AS account, e.amount
                FROM ledger_entries e JOIN ledger_postings p ON p.id = e.posting_id
                WHERE p.order_id = :id AND p.kind = :kind
            """),
            {"id": order.id, "kind": kind},
        )
        return {row.account: row.amount for row in rows}


def test_nine_tenths_of_the_price_are_owed_and_come_from_the_organizer():  # PS-018, FN-010
    event, buyer, order = a_sale(2)
    refund = requested(buyer, order)
    assert refund.amount == 180_000
    assert decide("approve", an_organizer(event), refund) == "approved"
    assert entries(order, "refund_owed") == {"organizer_payable": 180_000, "refunds_payable": -180_000}
    assert stock(event.tier_ids[0]) == Stock(reserved=0, sold=0, free=50)


def test_of_many_who_ask_for_the_same_ticket_one_does():
    _, buyer, order = a_sale(3)
    outcomes = at_the_same_time(
        [lambda: request_refund(buyer, order, 1)] * 8 + [lambda: request_refund(buyer, order)] * 8
    )
    assert set(outcomes) == {AlreadyRequested.slug, "requested"}
    with transaction() as tx:
        asked = tx.execute(_ASKED, {"id": order.id}).scalars().all()
    assert len(asked) == len(set(asked)) == 3


def test_decided_many_times_at_once_it_is_decided_once():
    event, buyer, order = a_sale(2)
    refund = requested(buyer, order)
    acts = [lambda act=act: decide(act, an_organizer(event), refund) for act in ["approve", "reject"] * 6]
    outcomes = set(at_the_same_time(acts))
    assert outcomes in ({"approved", RefundAlreadyDecided.slug}, {"rejected", RefundAlreadyDecided.slug})
    sold = 0 if "approved" in outcomes else 2
    assert stock(event.tier_ids[0]).sold == sold
    assert len(entries(order, "refund_owed")) == (0 if sold else 2)


def test_a_cancellation_and_an_approval_at_once_give_each_ticket_back_once():
    event, buyer, order = a_sale(4)
    refund = requested(buyer, order, 0, 1)
    organizer = an_organizer(event)

    def cancel() -> str:
        with transaction() as tx:
            cancellation.start(tx, organizer, event.id, Cancellation(reason="Hujan"))
        return str(cancellation.run_batch(event.id))

    _, decision, _ = at_the_same_time([cancel, lambda: decide("approve", organizer, refund), cancel])
    with transaction() as tx:
        owed = tx.execute(
            text("""
                SELECT count(*) AS items, count(DISTINCT i.order_item_id) AS different, sum(i.amount) AS amount
                FROM refund_items i JOIN refunds r ON r.id = i.refund_id
                WHERE r.order_id = :id AND NOT i.is_rejected
            """),
            {"id": order.id},
        ).one()
    assert (owed.items, owed.different) == (4, 4)
    before_the_cancellation, in_full = 2 * 90_000 + 2 * 107_500, 4 * 107_500
    amounts = {"approved": before_the_cancellation, "event-cancelled": in_full, RefundAlreadyDecided.slug: in_full}
    assert owed.amount == amounts[decision]
    assert stock(event.tier_ids[0]).sold == 0


def test_what_was_asked_back_before_the_cancellation_goes_back_whole():
    event, buyer, order = a_sale()
    refund = requested(buyer, order)
    organizer = an_organizer(event)
    with transaction() as tx:
        cancellation.start(tx, organizer, event.id, Cancellation(reason="Hujan"))
    assert decide("approve", organizer, refund) == "event-cancelled"
    assert cancellation.run_batch(event.id)
    with transaction() as tx:
        owed = text("SELECT kind, amount FROM refunds WHERE order_id = :id AND status <> 'rejected'")
        assert [tuple(row) for row in tx.execute(owed, {"id": order.id})] == [("cancellation", order.total_amount)]
        penalty = text("SELECT penalty FROM event_cancellations WHERE event_id = :id")
        assert tx.execute(penalty, {"id": event.id}).scalar_one() == 5_000


def test_money_that_comes_late_while_its_event_is_cancelled_goes_back(monkeypatch):
    with transaction() as tx:
        event = an_event(tx)
    order = an_order(event)
    payment_id = a_payment(order.id)
    make_overdue(order.id)
    expiry.expire_all_due()
    looked, real = threading.Event(), inventory.order_quantities

    def slow(tx: Transaction, ids: Sequence[UUID]) -> Any:
        if threading.current_thread().name == "late":
            looked.set()
            until(lambda: somebody_waits_for_a_lock() or cancelled.is_set(), what="for the cancellation")
        return real(tx, ids)

    monkeypatch.setattr(inventory, "order_quantities", slow)
    cancelled = threading.Event()

    def pay_late() -> None:
        with transaction() as tx:
            handle_one(tx, payment_id, a_status(order.total_amount))

    late = threading.Thread(target=pay_late, name="late")
    late.start()
    assert looked.wait(PATIENCE_SECONDS)
    with transaction() as tx:
        cancellation.start(tx, an_organizer(event), event.id, Cancellation(reason="Hujan"))
    assert cancellation.run_batch(event.id), "which finds the order that was paid, as it has waited for it"
    cancelled.set()
    late.join()
    with transaction() as tx:
        owed = text("SELECT kind, amount FROM refunds WHERE order_id = :id")
        assert [tuple(row) for row in tx.execute(owed, {"id": order.id})] == [("cancellation", order.total_amount)]


def somebody_waits_for_a_lock() -> bool:
    with transaction() as tx:
        return bool(tx.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())


def test_products_that_all_went_back_are_handed_over_to_nobody():
    with transaction() as tx:
        event, buyer = an_event(tx, tiers=[a_tier(kind="product"), a_tier()]), a_user(tx)
    order = a_paid_order(event, buyer=buyer, quantities=[1, 1])
    assert order.pickup_code
    with transaction() as tx:
        asked = refund_requests.request(tx, buyer.id, RefundRequest(order_id=order.id, reason="Sakit"))
    assert decide("approve", an_organizer(event), asked) == "approved"
    with transaction() as tx:
        assert OrderResponse.read(tx, order.id).pickup_code is None


def test_the_database_lets_no_more_go_back_than_came_in():
    _, _, order = a_sale()
    payment_id = order.payments[0].id
    with pytest.raises(DBAPIError, match="would give back"), transaction() as tx:
        refund_records.add(tx, payment_id, "requested", order.total_amount + 1, "Terlalu banyak", {})


def test_the_database_lets_no_item_go_back_twice():
    _, buyer, order = a_sale(2)
    requested(buyer, order, 0)
    item = next(ticket.item_id for ticket in order.tickets if ticket.id == order.tickets[0].id)
    with pytest.raises(DBAPIError, match="item_refunded_once"), transaction() as tx:
        refund_records.add(tx, order.payments[0].id, "requested", 1, "Lagi", {item: 1})


def test_a_ticket_used_before_the_approval_stays_used():
    event, buyer, order = a_sale(2)
    refund = requested(buyer, order)
    with transaction() as tx:
        tx.execute(
            text("UPDATE tickets SET status = 'used', validated_at = now() WHERE id = :id"), {"id": order.tickets[0].id}
        )
    assert decide("approve", an_organizer(event), refund) == TicketUsed.slug
    with transaction() as tx:
        statuses = tx.execute(text("SELECT status FROM tickets WHERE order_id = :id"), {"id": order.id}).scalars()
        assert sorted(statuses) == ["issued", "used"]
        assert ledger.unbalanced_postings(tx, days=1) == {}


def test_a_stranger_s_refund_looks_as_if_it_were_not_there():
    event, buyer, order = a_sale()
    refund = requested(buyer, order)
    with transaction() as tx:
        stranger, rival = a_user(tx), a_user(tx, role="organizer")
    with pytest.raises(Problem, match="nothing here"), transaction() as tx:
        approval.approve(tx, rival, refund.id)
    assert request_refund(stranger, order) == "not-found"
    assert decide("approve", an_organizer(event), refund) == "approved"
