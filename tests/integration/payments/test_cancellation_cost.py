"""The cost of a cancellation is told before, to the rupiah (FN-014, FN-015, PS-021)."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.payments import cancellation
from shared.payments.cancellation import Cancellation, CancellationCost
from shared.refunds import requests as refund_requests
from shared.refunds.requests import RefundRequest
from tests.endpoints import call, problem
from tests.factories import Event, a_promo, a_tier, a_user, an_event, an_order
from tests.integration.refunds.sales import a_paid_order
from tests.integration.reports.steps import give_back, organizer_of

pytestmark = pytest.mark.usefixtures("database")


def the_cost(event: Event) -> CancellationCost:
    answer = call("GET", f"/events/{event.id}/cancellation/cost", by=organizer_of(event))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return CancellationCost(**{**answer.get_json(), "event_id": UUID(answer.get_json()["event_id"])})


def cancel(event: Event) -> None:
    with transaction() as tx:
        cancellation.start(tx, organizer_of(event), event.id, Cancellation(reason="Penyanyi sakit"))
    assert cancellation.run_batch(event.id)


def owed(event: Event) -> int:
    """The ledger's debt to the event's organizer, in rupiah."""
    with transaction() as tx:
        return _number(
            tx,
            "SELECT COALESCE(-sum(amount), 0) FROM ledger_entries WHERE account = 'organizer_payable:' || :organizer",
            organizer=str(event.organizer_id),
        )


def given_back(event: Event) -> int:
    with transaction() as tx:
        return _number(
            tx,
            "SELECT COALESCE(sum(r.amount), 0) FROM refunds r JOIN orders o ON o.id = r.order_id "
            "WHERE o.event_id = :event AND r.kind = 'cancellation'",
            event=event.id,
        )


def _number(tx: Any, statement: str, **values: Any) -> int:
    return int(tx.execute(text(statement), values).scalar_one())


def a_busy_event() -> Event:
    """Orders of every kind: with codes of both issuers, partly given back, asked back, free, and held."""
    ours = f"KARCIS{uuid4().hex[:8].upper()}"
    tiers = [a_tier(price=100_000, quota=30), a_tier(name="VIP", price=250_005, quota=10), a_tier(name="Anak", price=0)]
    with transaction() as tx:
        event = an_event(tx, tiers=tiers)
        a_promo(tx, event, code="HEMAT", percent=15)
        a_promo(tx, event, code=ours, organizer_id=None, amount=50_000)
        asking, returning = a_user(tx), a_user(tx)
    a_paid_order(event, quantities=(2, 1), promo_code="HEMAT")
    a_paid_order(event, quantities=(1, 1), promo_code=ours)
    give_back(a_paid_order(event, buyer=returning, quantities=(3,)), returning, organizer_of(event), tickets=1)
    asked = a_paid_order(event, buyer=asking, quantities=(1, 1))
    with transaction() as tx:
        refund_requests.request(tx, asking.id, RefundRequest(order_id=asked.id, reason="Sakit"))
    an_order(event, quantities=(0, 0, 2), paid=True)
    an_order(event, quantities=(4,))
    return event


def test_refunds_earnings_and_penalty_are_those_that_are_booked():
    event = a_busy_event()
    before, cost = owed(event), the_cost(event)
    assert (cost.paid_orders, cost.held_orders) == (5, 1)
    assert cost.penalty > 0
    cancel(event)
    assert given_back(event) == cost.refunds
    assert before - owed(event) == cost.cost == cost.earnings + cost.penalty
    with transaction() as tx:
        assert cancellation.progress(tx, organizer_of(event), event.id).penalty == cost.penalty


def test_an_event_without_orders_costs_nothing():
    with transaction() as tx:
        event = an_event(tx)
    cost = the_cost(event)
    assert (cost.paid_orders, cost.refunds, cost.penalty, cost.cost) == (0, 0, 0, 0)


def test_others_learn_nothing_and_a_cancelled_event_costs_no_more():
    event = a_busy_event()
    with transaction() as tx:
        stranger = a_user(tx, role="organizer")
    assert problem(call("GET", f"/events/{event.id}/cancellation/cost", by=stranger)) == (404, "not-found")
    assert problem(call("GET", f"/events/{uuid4()}/cancellation/cost", by=stranger)) == (404, "not-found")
    cancel(event)
    refused = call("GET", f"/events/{event.id}/cancellation/cost", by=organizer_of(event))
    assert problem(refused) == (409, "event-cancelled")


def test_staff_of_a_gate_may_not_ask():
    with transaction() as tx:
        event = an_event(tx)
        staff: Principal = a_user(tx, role="staff", organizer_id=event.organizer_id)
    assert call("GET", f"/events/{event.id}/cancellation/cost", by=staff).status_code == 403
