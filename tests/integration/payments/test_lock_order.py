"""The order of locks while a status is handled: a tier's row, for which all buyers wait, last of all (TS-010)."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from shared.cloud.database import transaction
from shared.payments import reviews, status_handling
from shared.refunds import approval
from shared.refunds import requests as refund_requests
from shared.refunds.requests import RefundRequest
from shared.sales import expiry, orders
from shared.sales.schemas import OrderResponse
from tests.factories import Event, Stock, a_tier, a_user, an_event, an_order, make_overdue, reserve, stock
from tests.integration.refunds.sales import a_paid_order, a_payment, a_status
from tests.integration.reports.steps import organizer_of
from tests.sent_statements import statements
from tests.status_handling import handle_one
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")


def pay(order: OrderResponse, payment_id: UUID, amount: int | None = None) -> None:
    with transaction() as tx:
        handle_one(tx, payment_id, a_status(order.total_amount if amount is None else amount))


def paid_by_a_gateway() -> Callable[[], None]:
    order = an_order()
    payment_id = a_payment(order.id)
    return lambda: pay(order, payment_id)


def free_of_charge() -> Callable[[], None]:
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(price=0)])
    order = an_order(event)

    def complete() -> None:
        with transaction() as tx:
            status_handling.complete_free_order(tx, orders.lock(tx, order.id))

    return complete


def accepted_by_an_admin() -> Callable[[], None]:
    order = an_order()
    payment_id = a_payment(order.id)
    pay(order, payment_id, order.total_amount - 10_000)

    def accept() -> None:
        with transaction() as tx:
            reviews.accept(tx, a_user(tx, role="admin").id, payment_id)

    return accept


@pytest.mark.parametrize("prepared", [paid_by_a_gateway, free_of_charge, accepted_by_an_admin])
def test_whatever_pays_an_order_sells_its_stock_after_everything_else_is_written(prepared):
    act = prepared()
    with statements() as sent:
        act()
    written = [each for each in sent if not each.startswith(("SELECT", "UPDATE outbox SET published_at"))]
    assert "UPDATE ticket_tiers" in written[-1], written
    assert sum("ticket_tiers" in each for each in written) == 1


def test_paying_cancelling_expiring_refunding_and_reserving_over_the_same_tiers_never_deadlock():
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=100), a_tier(quota=100, name="VIP")])
        buyers = [a_user(tx) for _ in range(25)]
    held = [an_order(event, buyer=buyer, quantities=[1, 1]) for buyer in buyers[:15]]
    to_pay, to_cancel, to_expire = held[:5], held[5:10], held[10:]
    payments = [a_payment(order.id) for order in to_pay]
    bought = [(buyer, a_paid_order(event, buyer=buyer, quantities=(1, 1))) for buyer in buyers[15:20]]
    for order in to_expire:
        make_overdue(order.id)
    acts = [
        *(lambda o=o, p=p: pay(o, p) for o, p in zip(to_pay, payments, strict=True)),
        *(lambda o=o: cancel(o) for o in to_cancel),
        *(lambda b=b, o=o: give_back(event, b, o) for b, o in bought),
        *(lambda b=b: reserve(b, event, [1, 1]) for b in buyers[20:]),
        *([expiry.expire_all_due] * 2),
    ]
    at_the_same_time(acts)
    assert [stock(tier_id) for tier_id in event.tier_ids] == [Stock(reserved=5, sold=5, free=90)] * 2


def cancel(order: OrderResponse) -> None:
    with transaction() as tx:
        orders.cancel(tx, orders.lock(tx, order.id))


def give_back(event: Event, buyer: Any, order: OrderResponse) -> None:
    with transaction() as tx:
        refund = refund_requests.request(
            tx, buyer.id, RefundRequest(order_id=order.id, ticket_ids=None, reason="Sakit")
        )
        approval.approve(tx, organizer_of(event), refund.id)
