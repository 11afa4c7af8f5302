"""Promo codes that waive the fee: whoever issues the code pays it, and the platform earns what it always does.

A ticket of 100,000 has a fee of 7,500 and a commission of 10,000.
"""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from functions.manifest import manifest
from infra.checks import invariants
from shared.cloud import permissions
from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.payments import cancellation, checkout, status_handling
from shared.payments.cancellation import Cancellation
from shared.payouts import creation, self_dealing
from shared.refunds import approval
from shared.refunds import requests as refund_requests
from shared.sales import expiry
from shared.sales.promos import PromoExhausted
from shared.sales.schemas import OrderResponse
from tests.factories import Event, a_promo, a_tier, a_user, add_tickets, an_event, an_order, make_overdue, reserve
from tests.integration.refunds.sales import a_paid_order, a_payment, a_status
from tests.integration.refunds.steps import let_it_be_over, rows
from tests.integration.refunds.test_requests_after_changes import postpone
from tests.status_handling import handle_one

pytestmark = pytest.mark.usefixtures("database")


def scene(*, by: str = "organizer", tiers: Any = (), **promo: Any) -> tuple[Event, Principal, UUID, str]:
    """An event with a code of 100 % that waives the fee, and a buyer."""
    with transaction() as tx:
        event, buyer = an_event(tx, tiers=tiers or [a_tier(price=100_000, quota=50)]), a_user(tx)
        code = f"BEBAS-{event.id.hex[:8].upper()}"
        paid_by = {"organizer_id": None, "budget": 10_000_000} if by == "platform" else {}
        if "amount" not in promo:
            promo = {"percent": 100, **promo}
        promo_id = a_promo(tx, event, code=code, waives_fee=True, **paid_by, **promo)
    return event, buyer, promo_id, code


def take(buyer: Principal, event: Event, code: str, quantities: tuple[int, ...] = (1,)) -> OrderResponse:
    """Buy what costs nothing."""
    order = reserve(buyer, event, quantities, promo_code=code)
    assert isinstance(order, OrderResponse), order
    paid = checkout.checkout(buyer.id, order.id, checkout.CheckoutRequest(payment_method="QRIS"))
    add_tickets(order.id)
    assert (paid.total_amount, paid.status) == (0, "paid")
    return paid


def give_back(buyer: Principal, order: OrderResponse, *ticket_ids: UUID) -> Any:
    wanted = refund_requests.RefundRequest(order_id=order.id, ticket_ids=list(ticket_ids) or None, reason="Sakit")
    with transaction() as tx:
        return refund_requests.request(tx, buyer.id, wanted)


def approve(event: Event, refund: Any) -> Any:
    """Have the organizer approve a request."""
    with transaction() as tx:
        return approval.approve(tx, Principal(event.organizer_id, "organizer", event.organizer_id), refund.id)


def cancel(event: Event) -> None:
    """Cancel, and end the orders with no more rights than the function has."""
    with transaction() as tx:
        admin = a_user(tx, role="admin")
        cancellation.start(tx, admin, event.id, Cancellation(reason="Hujan", waive_penalty=True))
    with permissions.run_as(manifest().functions["cancellation_batches"].permissions):
        assert cancellation.run_batch(event.id)


def books(event: Event) -> dict[str, int]:
    """The balance of each account at an event."""
    found = rows(
        """
        SELECT split_part(e.account, ':', 1) AS account, sum(e.amount)::bigint AS amount
        FROM ledger_entries e JOIN ledger_postings p ON p.id = e.posting_id
        WHERE p.event_id = :id GROUP BY 1 HAVING sum(e.amount) <> 0
        """,
        id=event.id,
    )
    return {row.account: row.amount for row in found}


def spent(promo_id: UUID) -> tuple[int, int]:
    [row] = rows("SELECT spent, late_spent FROM promos WHERE id = :id", id=promo_id)
    return row.spent, row.late_spent


def status(order: OrderResponse) -> str:
    [row] = rows("SELECT status FROM orders WHERE id = :id", id=order.id)
    return str(row.status)


def promises_are_kept() -> bool:
    with transaction() as tx:
        return invariants.broken(tx, invariants.ALWAYS) == {}


BY_ORGANIZER = {"organizer_payable": 7_500, "platform_fee_revenue": -7_500}
BY_PLATFORM = {
    "promotion_cost": 107_500,
    "organizer_payable": -90_000,
    "commission_revenue": -10_000,
    "platform_fee_revenue": -7_500,
}


# The commission that the platform had paid for with its own code stays booked against its promotion cost.
KEPT = {
    "organizer": {"organizer_payable": 7_500},
    "platform": {"promotion_cost": 17_500, "commission_revenue": -10_000},
}


def added(*parts: dict[str, int]) -> dict[str, int]:
    """The sum of balances, without those that are zero."""
    names = {name for part in parts for name in part}
    sums = {name: sum(part.get(name, 0) for part in parts) for name in names}
    return {name: amount for name, amount in sums.items() if amount}


@pytest.mark.parametrize(("by", "booked"), [("organizer", BY_ORGANIZER), ("platform", BY_PLATFORM)])
def test_a_whole_price_and_its_fee_are_paid_by_whoever_issued_the_code(by, booked):
    event, buyer, promo_id, code = scene(by=by)
    order = take(buyer, event, code)
    [item] = order.items
    assert (item.discount, item.platform_fee, item.waived_fee) == (100_000, 0, 7_500)
    assert (order.discount_amount, order.platform_fee, order.total_amount) == (100_000, 0, 0)
    assert books(event) == booked
    assert spent(promo_id) == (107_500, 0)
    assert promises_are_kept()


def test_the_answer_at_the_reservation_is_that_of_the_order():
    event, buyer, _, code = scene(percent=50)
    order = reserve(buyer, event, (2,), promo_code=code)
    assert isinstance(order, OrderResponse)
    assert (order.total_amount, [item.waived_fee for item in order.items]) == (100_000, [7_500, 7_500])
    with transaction() as tx:
        assert OrderResponse.read(tx, order.id) == order


def test_without_the_option_the_fee_is_the_buyers():
    event, buyer, _, _ = scene()
    with transaction() as tx:
        a_promo(tx, event, code="POTONGAN", percent=100)
    order = reserve(buyer, event, promo_code="POTONGAN")
    assert isinstance(order, OrderResponse)
    assert (order.total_amount, order.platform_fee, order.items[0].waived_fee) == (7_500, 7_500, 0)


@pytest.mark.parametrize(
    ("by", "booked"),
    [
        ("organizer", {"organizer_payable": -37_500, "commission_revenue": -5_000}),
        ("platform", {"organizer_payable": -90_000, "commission_revenue": -10_000, "promotion_cost": 57_500}),
    ],
)
def test_a_part_of_the_price(by, booked):
    event, buyer, _, code = scene(by=by, percent=50)
    order = a_paid_order(event, buyer=buyer, promo_code=code)
    assert order.total_amount == 50_000
    assert books(event) == {"gateway_clearing": 50_000, "platform_fee_revenue": -7_500, **booked}
    assert promises_are_kept()


def mixed_scene(by: str) -> tuple[Event, Principal, str]:
    """The code is for the first tier only."""
    tiers = [a_tier(price=100_000, quota=50), a_tier(name="VIP", price=200_000, quota=50)]
    event, buyer, promo_id, code = scene(by=by, tiers=tiers)
    with transaction() as tx:
        scope = {"id": promo_id, "tiers": [event.tier_ids[0]]}
        tx.execute(text("UPDATE promos SET tier_ids = CAST(:tiers AS uuid[]) WHERE id = :id"), scope)
    return event, buyer, code


@pytest.mark.parametrize("by", ["organizer", "platform"])
def test_a_mixed_order_whose_free_ticket_goes_back_before_the_event_is_cancelled(by):
    event, buyer, code = mixed_scene(by)
    order = a_paid_order(event, buyer=buyer, quantities=(1, 1), promo_code=code)
    assert (order.total_amount, [item.waived_fee for item in order.items]) == (212_500, [7_500, 0])
    free, _ = sorted(order.tickets, key=lambda ticket: ticket.item_id != order.items[0].id)
    assert approve(event, give_back(buyer, order, free.id)).status == "completed"
    kept, fees = KEPT[by], {"platform_fee_revenue": -7_500}
    sold = {"organizer_payable": -180_000, "commission_revenue": -20_000, "platform_fee_revenue": -12_500}
    assert books(event) == added(kept, fees, sold, {"gateway_clearing": 212_500})
    cancel(event)
    assert books(event) == added(kept, fees, {"gateway_clearing": 212_500, "refunds_payable": -212_500})
    assert promises_are_kept()


@pytest.mark.parametrize("by", ["organizer", "platform"])
def test_a_mixed_order_of_which_only_the_free_ticket_is_left_when_the_event_is_cancelled(by):
    event, buyer, code = mixed_scene(by)
    order = a_paid_order(event, buyer=buyer, quantities=(1, 1), promo_code=code)
    _, dear = sorted(order.tickets, key=lambda ticket: ticket.item_id != order.items[0].id)
    refund = give_back(buyer, order, dear.id)
    approve(event, refund)
    cancel(event)
    assert books(event) == {
        "gateway_clearing": 212_500,
        "refunds_payable": -180_000,
        "commission_revenue": -20_000,
        "platform_fee_revenue": -12_500,
    }
    assert promises_are_kept()


@pytest.mark.parametrize("by", ["organizer", "platform"])
def test_the_issuer_has_paid_the_fee_of_what_a_buyer_gives_back(by):  # PS-018: fees stay
    event, buyer, promo_id, code = scene(by=by)
    order = take(buyer, event, code, (2,))
    one = give_back(buyer, order, order_tickets(order)[0])
    assert (one.amount, one.status) == (0, {"organizer": "requested", "platform": "completed"}[by])
    one = approve(event, one)
    assert (one.status, status(order)) == ("completed", "paid")
    approve(event, give_back(buyer, order))
    assert status(order) == "refunded"
    assert books(event) == added(KEPT[by], KEPT[by], {"platform_fee_revenue": -15_000})
    assert spent(promo_id) == (0, 0)
    assert promises_are_kept()


def order_tickets(order: OrderResponse) -> list[UUID]:
    return [row.id for row in rows("SELECT id FROM tickets WHERE order_id = :id ORDER BY id", id=order.id)]


@pytest.mark.parametrize("by", ["organizer", "platform"])
def test_a_cancelled_event_gives_the_fee_back_to_whoever_paid_it(by):
    event, buyer, _, code = scene(by=by)
    order = take(buyer, event, code, (2,))
    cancel(event)
    assert (books(event), status(order)) == ({}, "refunded")
    assert {row.status for row in rows("SELECT status FROM tickets WHERE order_id = :id", id=order.id)} == {"void"}
    assert rows("SELECT kind, amount, status FROM refunds WHERE order_id = :id", id=order.id) == [
        ("cancellation", 0, "completed")
    ]
    cancellation.run_batch(event.id)
    assert books(event) == {}
    assert promises_are_kept()


@pytest.mark.parametrize("by", ["organizer", "platform"])
def test_a_moved_event_undoes_the_sale_as_a_cancelled_one_does(by):
    event, buyer, _, code = scene(by=by)
    order = take(buyer, event, code)
    postpone(event)
    give_back(buyer, order)
    assert (books(event), status(order)) == ({}, "refunded")
    assert promises_are_kept()


def test_a_free_ticket_leaves_no_trace_in_the_books():
    event, buyer, _, _ = scene(tiers=[a_tier(price=0, quota=5)])
    order = reserve(buyer, event)
    assert isinstance(order, OrderResponse)
    checkout.checkout(buyer.id, order.id, checkout.CheckoutRequest(payment_method="QRIS"))
    add_tickets(order.id)
    cancel(event)
    assert books(event) == {}
    assert rows("SELECT 1 FROM refunds WHERE order_id = :id", id=order.id) == []


def test_what_an_organizer_owes_for_fees_is_taken_off_their_next_payout():
    event, buyer, _, code = scene()
    take(buyer, event, code, (2,))
    let_it_be_over(event.id)
    creation.create_all_due()
    with transaction() as tx:
        other = an_event(tx, organizer_id=event.organizer_id)
    a_paid_order(other)
    let_it_be_over(other.id)
    creation.create_all_due()
    paid = rows("SELECT amount, status FROM payouts WHERE organizer_id = :id ORDER BY amount", id=event.organizer_id)
    assert [tuple(row) for row in paid] == [(0, "carried_over"), (75_000, "pending")]
    assert promises_are_kept()


def test_a_budget_counts_the_waived_fees():
    event, buyer, promo_id, code = scene(by="platform", percent=10)
    with transaction() as tx:
        tx.execute(text("UPDATE promos SET budget = 34999 WHERE id = :id"), {"id": promo_id})
    assert isinstance(reserve(buyer, event, (2,), promo_code=code), PromoExhausted)
    with transaction() as tx:
        tx.execute(text("UPDATE promos SET budget = 35000 WHERE id = :id"), {"id": promo_id})
    assert isinstance(reserve(buyer, event, (2,), promo_code=code), OrderResponse)
    assert spent(promo_id) == (35_000, 0)


def test_a_code_by_ticket_waives_the_fee_of_the_tickets_that_it_is_used_for():
    tiers = [a_tier(price=100_000, quota=50), a_tier(name="VIP", price=400_000, quota=50)]
    event, buyer, promo_id, code = scene(tiers=tiers, applies_to="ticket", max_uses=2)
    order = a_paid_order(event, buyer=buyer, quantities=(2, 1), promo_code=code)
    assert sorted(item.waived_fee for item in order.items) == [0, 7_500, 22_500]
    assert (order.platform_fee, order.total_amount) == (7_500, 107_500)
    assert books(event)["organizer_payable"] == -(90_000 - 30_000)
    assert rows("SELECT uses FROM promos WHERE id = :id", id=promo_id) == [(2,)]
    assert promises_are_kept()


def test_a_discount_that_is_too_small_for_all_tickets_waives_all_their_fees():
    event, buyer, _, code = scene(amount=1)
    order = reserve(buyer, event, (2,), promo_code=code)
    assert isinstance(order, OrderResponse)
    assert sorted(item.discount for item in order.items) == [0, 1]
    assert (order.platform_fee, order.total_amount) == (0, 199_999)


def test_late_money_is_honoured_with_its_waived_fee():
    event, buyer, promo_id, code = scene(percent=50, max_uses=1)
    order = reserve(buyer, event, promo_code=code)
    assert isinstance(order, OrderResponse)
    payment_id = a_payment(order.id)
    make_overdue(order.id)
    expiry.expire_all_due()
    an_order(event, promo_code=code)
    with transaction() as tx:
        assert handle_one(tx, payment_id, a_status(50_000)) is status_handling.StatusOutcome.REVIVED
    assert spent(promo_id) == (115_000, 57_500)
    assert books(event)["organizer_payable"] == -37_500
    assert promises_are_kept()


def test_a_waived_fee_counts_for_the_review_of_self_dealing():
    event, _, _, code = scene(by="platform")
    organizer = Principal(event.organizer_id, "organizer", event.organizer_id)
    take(organizer, event, code)
    with transaction() as tx:
        found = self_dealing.signs(tx, event.id, event.organizer_id)
    assert found["same_person"] == {"orders": 1, "discount": 107_500}


def test_an_order_that_the_database_keeps_from_ending_keeps_no_other():
    event, buyer, promo_id, code = scene(by="organizer")
    stuck, other = take(buyer, event, code, (1,)), a_paid_order(event)
    change = text("UPDATE promo_users SET uses = :uses WHERE promo_id = :id")
    with transaction() as tx:
        tx.execute(change, {"uses": 0, "id": promo_id})
        cancellation.start(tx, a_user(tx, role="admin"), event.id, Cancellation(reason="Hujan"))
    with pytest.raises(DBAPIError, match="promo_users_uses_check"):
        cancellation.run_batch(event.id)
    assert [len(rows("SELECT 1 FROM refunds WHERE order_id = :id", id=order.id)) for order in (stuck, other)] == [0, 1]
    with transaction() as tx:
        tx.execute(change, {"uses": 1, "id": promo_id})
    assert cancellation.run_batch(event.id)
    assert status(stuck) == "refunded"
