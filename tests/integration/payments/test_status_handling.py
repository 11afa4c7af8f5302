"""Handling of payment statuses: what each status that a gateway reports does, once, forwards, and to the rupiah.

L1, LATE-1, PS-006, PS-007, PS-022.
"""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.accounting import ledger
from shared.cloud import manual_tasks as tasks
from shared.cloud.database import transaction
from shared.gateways.statuses import GatewayPaymentState, GatewayPaymentStatus
from shared.payments import records as payment_records
from shared.payments.status_handling import StatusOutcome
from shared.sales import orders
from shared.sales.schemas import OrderResponse
from tests.factories import (
    Stock,
    a_tier,
    a_user,
    an_event,
    an_order,
    make_overdue,
    reserve,
    stock,
)
from tests.status_handling import handle_one
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")


def a_pending_payment(order: OrderResponse, *, gateway: str = "xendit", method: str = "QRIS") -> UUID:
    """A payment of the order that its gateway has opened."""
    with transaction() as tx:
        locked = orders.lock(tx, order.id)
        deadline = orders.start_payment(tx, locked)
        payment = payment_records.add(
            tx, locked, gateway=gateway, method=method, amount=locked.total_amount, expires_at=deadline
        )
        tx.execute(
            text("UPDATE payments SET status = 'pending', gateway_reference = :ref WHERE id = :id"),
            {"id": payment.id, "ref": f"gw-{payment.external_id}"},
        )
    return payment.id


def a_status(order: OrderResponse, state: GatewayPaymentState, **changes) -> GatewayPaymentStatus:
    reported = GatewayPaymentStatus(
        gateway="xendit",
        external_id="",
        gateway_reference="gw",
        state=state,
        amount=order.total_amount,
        paid_amount=order.total_amount if state is GatewayPaymentState.PAID else None,
        currency="IDR",
        channel="QRIS",
        transaction_id="t-1",
        paid_at=datetime.now(UTC) if state is GatewayPaymentState.PAID else None,
        refunded_amount=1 if state is GatewayPaymentState.PARTIALLY_REFUNDED else 0,
        raw_status=state,
    )
    return replace(reported, gateway_reference=f"gw-{order.id}-1", **changes)


def report(payment_id: UUID, reported: GatewayPaymentStatus) -> StatusOutcome:
    with transaction() as tx:
        return handle_one(tx, payment_id, reported)


def accounts_of(order: OrderResponse) -> dict[str, int]:
    with transaction() as tx:
        rows = tx.execute(
            text("""
                SELECT split_part(e.account, ':', 1) AS account, sum(e.amount) AS amount
                FROM ledger_entries e JOIN ledger_postings p ON p.id = e.posting_id
                WHERE p.order_id = :id GROUP BY 1 HAVING sum(e.amount) <> 0
            """),
            {"id": order.id},
        )
        return {row.account: int(row.amount) for row in rows}


def read(order: OrderResponse) -> OrderResponse:
    with transaction() as tx:
        return OrderResponse.read(tx, order.id)


def manual_tasks(payment_id: UUID) -> list[str]:
    with transaction() as tx:
        rows = tx.execute(text("SELECT kind FROM manual_tasks WHERE subject_id = :id"), {"id": str(payment_id)})
        return list(rows.scalars())


def test_a_paid_order_is_sold_booked_and_announced_at_once(published):  # PS-022
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(price=100_000, quota=5)])
    order = an_order(event, quantities=[2])
    payment_id = a_pending_payment(order)
    assert report(payment_id, a_status(order, GatewayPaymentState.PAID)) is StatusOutcome.PAID
    assert read(order).status == "paid"
    assert stock(event.tier_ids[0]) == Stock(reserved=0, sold=2, free=3)
    assert accounts_of(order) == {
        "gateway_clearing": 215_000,
        "organizer_payable": -180_000,
        "commission_revenue": -20_000,
        "platform_fee_revenue": -15_000,
    }
    assert {"order_id": str(order.id)} in published.of("payment.success")


def test_the_same_fact_from_many_sides_at_once_has_one_effect(published):  # PS-014
    order = an_order()
    payment_id = a_pending_payment(order)
    reported = a_status(order, GatewayPaymentState.PAID)
    outcomes = at_the_same_time([lambda: report(payment_id, reported)] * 8)
    assert sorted(outcomes) == sorted([StatusOutcome.PAID] + [StatusOutcome.NOTHING] * 7)
    assert len(published.of("payment.success")) == 1
    assert accounts_of(order)["gateway_clearing"] == order.total_amount


@pytest.mark.parametrize(
    "state",
    [
        GatewayPaymentState.PENDING,
        GatewayPaymentState.EXPIRED,
        GatewayPaymentState.FAILED,
        GatewayPaymentState.CHALLENGED,
    ],
)
def test_a_late_fact_never_moves_a_paid_order_backwards(state):
    order = an_order()
    payment_id = a_pending_payment(order)
    report(payment_id, a_status(order, GatewayPaymentState.PAID))
    assert report(payment_id, a_status(order, state)) is StatusOutcome.NOTHING
    assert read(order).status == "paid"


def test_an_expired_payment_ends_its_order_and_gives_the_stock_back_once():
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=3)])
    order = an_order(event, quantities=[2])
    payment_id = a_pending_payment(order)
    assert report(payment_id, a_status(order, GatewayPaymentState.EXPIRED)) is StatusOutcome.EXPIRED
    assert report(payment_id, a_status(order, GatewayPaymentState.EXPIRED)) is StatusOutcome.NOTHING
    assert read(order).status == "expired"
    assert stock(event.tier_ids[0]) == Stock(reserved=0, sold=0, free=3)


def test_a_failed_payment_leaves_the_reservation_for_another_try():  # TRACK
    with transaction() as tx:
        event = an_event(tx)
    order = an_order(event)
    first = a_pending_payment(order)
    assert report(first, a_status(order, GatewayPaymentState.FAILED)) is StatusOutcome.FAILED
    assert read(order).status == "pending_payment"
    second = a_pending_payment(order, gateway="midtrans")
    assert report(second, a_status(order, GatewayPaymentState.PAID)) is StatusOutcome.PAID


def test_a_failed_code_is_used_up_and_another_try_may_follow():  # TRACK
    order = an_order()
    payment_id = a_pending_payment(order, gateway="midtrans")
    failed = a_status(order, GatewayPaymentState.FAILED, payer_may_retry=True)
    assert report(payment_id, failed) is StatusOutcome.FAILED
    assert report(payment_id, failed) is StatusOutcome.NOTHING
    assert read(order).status == "pending_payment"
    assert report(payment_id, a_status(order, GatewayPaymentState.PAID)) is StatusOutcome.PAID  # a bank that is late


def test_a_failure_on_a_page_where_the_payer_may_retry_changes_nothing():
    order = an_order()
    payment_id = a_pending_payment(order, gateway="midtrans", method="OVO")
    with transaction() as tx:
        tx.execute(text("UPDATE payments SET snap_token = 'token' WHERE id = :id"), {"id": payment_id})
    assert (
        report(payment_id, a_status(order, GatewayPaymentState.FAILED, payer_may_retry=True)) is StatusOutcome.NOTHING
    )
    assert report(payment_id, a_status(order, GatewayPaymentState.PAID)) is StatusOutcome.PAID


def expired_with_payment(event) -> tuple[OrderResponse, UUID]:
    order = an_order(event)
    payment_id = a_pending_payment(order)
    make_overdue(order.id)
    with transaction() as tx:
        orders.expire_due(tx, event_ids=[event.id])
    return order, payment_id


def test_late_money_revives_the_order_while_there_is_stock():  # LATE-1
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=1)])
    order, payment_id = expired_with_payment(event)
    assert report(payment_id, a_status(order, GatewayPaymentState.PAID)) is StatusOutcome.REVIVED
    assert read(order).status == "paid"
    assert stock(event.tier_ids[0]) == Stock(reserved=0, sold=1, free=0)


def test_late_money_goes_back_in_full_where_the_stock_is_gone(published):  # LATE-1
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=1)])
        other = a_user(tx)
    order, payment_id = expired_with_payment(event)
    assert isinstance(reserve(other, event), OrderResponse)
    assert report(payment_id, a_status(order, GatewayPaymentState.PAID)) is StatusOutcome.TO_REFUND
    assert report(payment_id, a_status(order, GatewayPaymentState.PAID)) is StatusOutcome.NOTHING
    assert read(order).status == "expired"
    assert accounts_of(order) == {"gateway_clearing": order.total_amount, "refunds_payable": -order.total_amount}
    assert len(published.of("refund.approved")) == 1
    with transaction() as tx:
        mail = tx.execute(text("SELECT template FROM emails WHERE order_id = :id"), {"id": order.id}).scalars().all()
    assert mail == ["payment_unusable"]


def test_late_money_for_an_event_that_is_off_sale_goes_back():
    with transaction() as tx:
        event = an_event(tx)
    order, payment_id = expired_with_payment(event)
    with transaction() as tx:
        tx.execute(text("UPDATE ticket_tiers SET is_on_sale = false WHERE event_id = :id"), {"id": event.id})
    assert report(payment_id, a_status(order, GatewayPaymentState.PAID)) is StatusOutcome.TO_REFUND


def test_a_second_payment_of_a_paid_order_goes_back_in_full():
    order = an_order()
    first = a_pending_payment(order)
    with transaction() as tx:
        orders.lock(tx, order.id)
        payment_records.expire_and_cancel(tx, payment_records.lock(tx, first))
    second = a_pending_payment(order, gateway="midtrans")
    assert report(second, a_status(order, GatewayPaymentState.PAID)) is StatusOutcome.PAID
    assert report(first, a_status(order, GatewayPaymentState.PAID)) is StatusOutcome.TO_REFUND
    assert read(order).status == "paid"


def test_money_for_a_cancelled_order_goes_back():
    order = an_order()
    payment_id = a_pending_payment(order)
    with transaction() as tx:
        orders.cancel(tx, orders.lock(tx, order.id))
    assert report(payment_id, a_status(order, GatewayPaymentState.PAID)) is StatusOutcome.TO_REFUND


@pytest.mark.parametrize(
    ("difference", "kind"), [(-1, "payment_underpaid"), (1, "payment_overpaid"), (-50_000, "payment_underpaid")]
)
def test_money_that_does_not_fit_is_told_to_a_person_and_keeps_the_seat(difference, kind):
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=1)])
    order = an_order(event)
    payment_id = a_pending_payment(order)
    received = order.total_amount + difference
    assert (
        report(payment_id, a_status(order, GatewayPaymentState.PAID, paid_amount=received)) is StatusOutcome.IN_REVIEW
    )
    if kind == "payment_overpaid":  # what is too little keeps it for a day
        make_overdue(order.id)
    with transaction() as tx:
        assert orders.expire_due(tx, event_ids=[event.id]) == 0
    assert read(order).status == "pending_payment"
    assert accounts_of(order) == {"gateway_clearing": received, "unallocated": -received}
    assert manual_tasks(payment_id) == [kind]


def test_foreign_money_is_not_booked_as_rupiah():
    order = an_order()
    payment_id = a_pending_payment(order)
    assert report(payment_id, a_status(order, GatewayPaymentState.PAID, currency="USD")) is StatusOutcome.IN_REVIEW
    assert accounts_of(order) == {}
    assert manual_tasks(payment_id) == ["payment_wrong_currency"]


@pytest.mark.parametrize("state", [GatewayPaymentState.REFUNDED, GatewayPaymentState.REVERSED])
def test_a_sale_taken_back_voids_its_tickets_and_frees_the_seats(state):
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=2)])
    order = an_order(event, quantities=[2])
    payment_id = a_pending_payment(order)
    report(payment_id, a_status(order, GatewayPaymentState.PAID))
    with transaction() as tx:
        tx.execute(
            text("""
                INSERT INTO tickets (order_id, order_item_id, event_id)
                SELECT order_id, id, :event_id FROM order_items WHERE order_id = :order_id
            """),
            {"event_id": event.id, "order_id": order.id},
        )
    assert report(payment_id, a_status(order, state)) in (StatusOutcome.REFUNDED, StatusOutcome.REVERSED)
    assert report(payment_id, a_status(order, state)) is StatusOutcome.NOTHING
    after = read(order)
    assert after.status == "refunded"
    assert {ticket.status for ticket in after.tickets} == {"void"}
    assert stock(event.tier_ids[0]) == Stock(reserved=0, sold=0, free=2)
    assert accounts_of(order) == {}


@pytest.mark.parametrize(
    "state", [GatewayPaymentState.CHARGED_BACK, GatewayPaymentState.PARTIALLY_REFUNDED, GatewayPaymentState.UNKNOWN]
)
def test_what_only_a_person_can_judge_is_put_before_one(state):
    order = an_order()
    payment_id = a_pending_payment(order)
    report(payment_id, a_status(order, GatewayPaymentState.PAID))
    assert report(payment_id, a_status(order, state)) is StatusOutcome.NOTED
    assert read(order).status == "paid"
    assert len(manual_tasks(payment_id)) == 1


@pytest.mark.parametrize("state", [GatewayPaymentState.CHARGED_BACK, GatewayPaymentState.UNKNOWN])
def test_what_a_person_is_done_with_is_not_put_before_one_again_until_the_gateway_says_something_else(state):
    order = an_order()
    payment_id = a_pending_payment(order)
    report(payment_id, a_status(order, GatewayPaymentState.PAID))
    report(payment_id, a_status(order, state, raw_status="chargeback"))
    with transaction() as tx:
        tasks.close(tx, payment_id, by=a_user(tx, role="admin").id)
    assert report(payment_id, a_status(order, state, raw_status="chargeback")) is StatusOutcome.NOTHING
    assert report(payment_id, a_status(order, state, raw_status="partial_chargeback")) is StatusOutcome.NOTED
    assert len(manual_tasks(payment_id)) == 2


def test_paying_and_expiring_at_once_leaves_one_truth():
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=20)])

    def expire() -> None:
        with transaction() as tx:
            orders.expire_due(tx, event_ids=[event.id])

    for _ in range(10):
        order = an_order(event)
        payment_id = a_pending_payment(order)
        make_overdue(order.id)
        reported = a_status(order, GatewayPaymentState.PAID)
        at_the_same_time(
            [expire, lambda payment_id=payment_id, reported=reported: report(payment_id, reported), expire]
        )
        assert read(order).status == "paid"
    assert stock(event.tier_ids[0]) == Stock(reserved=0, sold=10, free=10)


def test_a_mismatch_that_its_gateway_gives_back_leaves_the_order_that_other_money_bought():
    order = an_order()
    odd = a_pending_payment(order)
    with transaction() as tx:
        payment_records.expire_and_cancel(tx, payment_records.lock(tx, odd))
    good = a_pending_payment(order)
    report(odd, replace(a_status(order, GatewayPaymentState.PAID), paid_amount=order.total_amount + 1))
    assert report(good, a_status(order, GatewayPaymentState.PAID)) is StatusOutcome.PAID
    assert report(odd, a_status(order, GatewayPaymentState.REFUNDED)) is StatusOutcome.REFUNDED
    assert read(order).status == "paid"
    assert accounts_of(order)["gateway_clearing"] == order.total_amount
    assert accounts_of(order).get("unallocated", 0) == 0


def test_the_database_refuses_an_unbalanced_posting():  # LEDGER
    order = an_order()
    with pytest.raises(Exception, match="does not balance"), transaction() as tx:
        ledger.post(tx, "test", order.id, {"unallocated": 5, "refunds_payable": -4}, order_id=order.id)
