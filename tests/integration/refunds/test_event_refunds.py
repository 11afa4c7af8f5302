"""An event's refunds for whoever decides: the buyer, and what each takes off the payout, to the rupiah (PS-016)."""

from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.problems import NotFound
from shared.refunds import approval, event_refunds
from shared.refunds import requests as refund_requests
from shared.refunds.event_refunds import EventRefund
from shared.refunds.requests import RefundRequest
from shared.refunds.schemas import RefundQuery
from shared.states import RefundStatus
from tests.factories import Event, a_promo, a_tier, a_user, an_event
from tests.integration.refunds.sales import a_paid_order
from tests.integration.reports.steps import organizer_of

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def event() -> Event:
    with transaction() as tx:
        return an_event(tx, tiers=[a_tier(price=133_335, quota=20)])


def asked(event: Event, promo_code: str | None = None) -> EventRefund:
    """A request for all of a new order of two."""
    with transaction() as tx:
        buyer = a_user(tx, full_name="Putu Ayu")
    order = a_paid_order(event, buyer=buyer, quantities=(2,), promo_code=promo_code)
    with transaction() as tx:
        refund = refund_requests.request(tx, buyer.id, RefundRequest(order_id=order.id, reason="Sakit"))
        [found] = event_refunds.read_selected(tx, organizer_of(event), event.id, [refund.id])
    return found


def owed(event: Event) -> int:
    with transaction() as tx:
        statement = text("SELECT -sum(amount) FROM ledger_entries WHERE account = 'organizer_payable:' || :id")
        return int(tx.execute(statement, {"id": str(event.organizer_id)}).scalar_one())


@pytest.mark.parametrize("issuer", ["nobody", "organizer", "platform"])
def test_what_it_takes_off_the_payout_is_what_is_booked(event: Event, issuer: str):
    code = None
    if issuer != "nobody":
        code = f"KODE{uuid4().hex[:8].upper()}"
        with transaction() as tx:
            a_promo(tx, event, code=code, organizer_id=event.organizer_id if issuer == "organizer" else None)
    requested = asked(event, code)
    before = owed(event)
    with transaction() as tx:
        approval.approve(tx, organizer_of(event), requested.refund.id)
        [approved] = event_refunds.read_selected(tx, organizer_of(event), event.id, [requested.refund.id])
    assert before - owed(event) == requested.organizer_share == approved.organizer_share > 0


def test_the_list_is_of_the_event_and_of_the_state(event: Event):
    first, second = asked(event), asked(event)
    with transaction() as tx:
        other = an_event(tx, organizer_id=event.organizer_id)
    elsewhere = asked(other)
    with transaction() as tx:
        approval.approve(tx, organizer_of(event), first.refund.id)
        waiting = event_refunds.list_of_event(
            tx, organizer_of(event), event.id, RefundQuery(status=RefundStatus.REQUESTED)
        )
        everything = event_refunds.list_of_event(tx, organizer_of(event), event.id, RefundQuery())
        assert event_refunds.count_undecided(tx, event.id) == 1
        assert event_refunds.read_selected(tx, organizer_of(event), event.id, [elsewhere.refund.id]) == []
    assert [each.refund.id for each in waiting.items] == [second.refund.id]
    assert (everything.total, everything.items[0].buyer_name) == (2, "Putu Ayu")


def test_another_organizer_sees_none(event: Event):
    requested = asked(event)
    with transaction() as tx:
        stranger: Principal = a_user(tx, role="organizer")
    for see in (
        lambda tx: event_refunds.list_of_event(tx, stranger, event.id, RefundQuery()),
        lambda tx: event_refunds.read_selected(tx, stranger, event.id, [requested.refund.id]),
    ):
        with transaction() as tx, pytest.raises(NotFound):
            see(tx)
