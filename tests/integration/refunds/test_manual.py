"""Refunds that a person pays at a gateway's dashboard: booked once, to the rupiah, and never beside ours (PS-025)."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

import pytest

from shared.cloud.database import transaction
from shared.gateways import registry
from shared.gateways.errors import GatewayUnavailable
from shared.identity.tokens import Principal
from shared.payments import checkout, clearing, sync
from shared.payments.status_handling import StatusOutcome
from shared.problems import Invalid, NotFound
from shared.refunds import approval
from shared.refunds import execution as refund_execution
from shared.refunds import manual as manual_refunds
from shared.refunds import requests as refund_requests
from shared.refunds.manual import ManualRefundRequest, NotManuallyRefundable
from shared.refunds.requests import RefundRequest
from shared.refunds.schemas import RefundResponse
from shared.sales.schemas import OrderResponse
from tests.factories import a_user, add_tickets, an_event, reserve
from tests.integration.refunds.steps import open_tasks, rows, set_account
from tests.model.gateways import Gateways, gateways
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database", "at")

BACK = 90_000


@pytest.fixture(scope="module")
def at(postgres, database) -> Iterator[Gateways]:
    """Both gateways."""
    with gateways(postgres, "by_hand_gateways") as served:
        yield served


def buy(at: Gateways, gateway: str, method: str) -> tuple[Principal, Principal, OrderResponse]:
    """An organizer, a buyer, and the buyer's order of one ticket at Rp 100.000."""
    with transaction() as tx:
        event, buyer = an_event(tx), a_user(tx)
    order = reserve(buyer, event)
    assert isinstance(order, OrderResponse)
    wanted = checkout.CheckoutRequest(payment_method=method, gateway=gateway)
    [payment] = checkout.checkout(buyer.id, order.id, wanted).payments
    at.does(gateway, str(payment.gateway_reference), "pay")
    assert sync.sync_payment(payment.id) == StatusOutcome.PAID
    add_tickets(order.id)
    with transaction() as tx:
        order = OrderResponse.read(tx, order.id)
    return Principal(event.organizer_id, "organizer", event.organizer_id), buyer, order


def request_refund(buyer: Principal, order: OrderResponse) -> UUID:
    with transaction() as tx:
        return refund_requests.request(tx, buyer.id, RefundRequest(order_id=order.id, reason="Sakit")).id


def owe(at: Gateways, gateway: str = "xendit", method: str = "BCA") -> tuple[Principal, OrderResponse, UUID]:
    """A buyer, their order, and its refund that waits for a bank account."""
    organizer, buyer, order = buy(at, gateway, method)
    refund_id = request_refund(buyer, order)
    with transaction() as tx:
        approval.approve(tx, organizer, refund_id)
    assert refund_execution.execute(refund_id) == "approved"
    return buyer, order, refund_id


def an_admin() -> Principal:
    with transaction() as tx:
        return a_user(tx, role="admin")


def book(
    refund_id: UUID, through: Literal["xendit", "midtrans"] = "xendit", *, by: UUID | None = None
) -> RefundResponse:
    """Tell that it was paid."""
    admin_id = by or an_admin().id
    with transaction() as tx:
        return manual_refunds.record(tx, admin_id, refund_id, ManualRefundRequest(through=through, note="Tiket 4711"))


def pay_at_xendit(refund_id: UUID, amount: int = BACK) -> None:
    """A payout from the dashboard, as the runbook says."""
    registry.xendit().send_payout(
        reference_id=str(refund_id),
        idempotency_key=str(uuid4()),
        bank_code="BCA",
        account_number="1234567890",
        account_holder_name="Siti Rahma",
        amount=amount,
        description="Refund",
    )


def booked(order: OrderResponse) -> dict[str, int]:
    """The sums of an order's accounts, without those at zero."""
    found = rows(
        """SELECT e.account, sum(e.amount) AS amount FROM ledger_entries e JOIN ledger_postings p ON p.id = e.posting_id
           WHERE p.order_id = :id GROUP BY e.account HAVING sum(e.amount) <> 0""",
        id=order.id,
    )
    return {row.account: int(row.amount) for row in found}


def differences() -> set[str]:
    """The differences that the nightly comparison would report, by name."""
    with suppress(clearing.LedgerMismatch):
        clearing.check(window=timedelta(hours=1), margin=timedelta(seconds=-1))
    return {row.subject_id for row in rows("SELECT subject_id FROM manual_tasks WHERE kind = 'clearing_difference'")}


@pytest.mark.parametrize("gateway", ["xendit", "midtrans"])
def test_a_payout_from_xendits_dashboard_pays_a_refund(at: Gateways, gateway: str):
    _, order, refund_id = owe(at, gateway)
    admin = an_admin()
    pay_at_xendit(refund_id)
    refund = book(refund_id, by=admin.id)
    assert (refund.status, refund.method) == ("completed", "disbursement")
    with transaction() as tx:
        assert OrderResponse.read(tx, order.id).status == "refunded"
    left = booked(order)
    assert "refunds_payable" not in left
    at_gateways = [amount for account, amount in left.items() if account.startswith("gateway_clearing:")]
    assert sum(at_gateways) == order.total_amount - BACK
    [line] = rows(
        "SELECT actor_id, details FROM audit_log WHERE action = 'refund.paid_by_hand' AND subject_id = :id",
        id=str(refund_id),
    )
    assert (line.actor_id, line.details) == (admin.id, {"through": "xendit", "note": "Tiket 4711"})
    told = "SELECT id FROM outbox WHERE topic = 'refund.processed' AND payload ->> 'refund_id' = :id"
    assert len(rows(told, id=str(refund_id))) == 1
    assert not differences() & {str(refund_id), f"{order.id}-1"}


def test_a_refund_at_midtranss_dashboard_is_no_news_afterwards(at: Gateways):
    _, order, refund_id = owe(at, "midtrans")
    [payment] = order.payments
    at.does("midtrans", str(payment.gateway_reference), "refund", amount=BACK)
    assert (book(refund_id, "midtrans").status, booked(order).get("refunds_payable")) == ("completed", None)
    assert sync.sync_payment(payment.id) == StatusOutcome.NOTHING
    assert open_tasks(payment.id) == []
    assert f"{order.id}-1" not in differences()


@pytest.mark.parametrize("gateway", ["xendit", "midtrans"])
def test_what_somebody_had_given_back_at_the_dashboard_already_is_booked(at: Gateways, gateway: Any):
    organizer, buyer, order = buy(at, gateway, "QRIS")
    refund_id = request_refund(buyer, order)
    at.does(gateway, str(order.payments[0].gateway_reference), "refund", amount=BACK)
    with transaction() as tx:
        approval.approve(tx, organizer, refund_id)
    assert refund_execution.execute(refund_id) == "failed"
    assert open_tasks(refund_id) == ["refund_disputed"]
    refund = book(refund_id, gateway)
    assert (refund.status, refund.method, open_tasks(refund_id)) == ("completed", "gateway", [])
    assert not differences() & {str(refund_id), f"{order.id}-1"}


def test_another_amount_at_the_dashboard_is_found_by_the_nightly_comparison(at: Gateways):
    _, _, refund_id = owe(at)
    pay_at_xendit(refund_id, BACK - 10_000)
    book(refund_id)
    assert str(refund_id) in differences()


def test_a_comparison_before_it_is_booked_tells_of_it_and_booking_settles_that(at: Gateways):
    _, _, refund_id = owe(at)
    pay_at_xendit(refund_id)
    assert str(refund_id) in differences()
    assert open_tasks(refund_id) == ["clearing_difference"]
    book(refund_id)
    assert open_tasks(refund_id) == []


def test_told_twice_at_the_same_moment_it_is_booked_once(at: Gateways):
    _, _, refund_id = owe(at, "midtrans")
    answers = at_the_same_time([lambda: book(refund_id)] * 3)
    assert {answer.status for answer in answers} == {"completed"}
    assert book(refund_id) == answers[0]
    kinds = rows("SELECT kind FROM ledger_postings WHERE reference_id = :id ORDER BY kind", id=refund_id)
    assert [row.kind for row in kinds] == ["refund_owed", "refund_paid_by_hand"]
    with pytest.raises(NotManuallyRefundable):
        book(refund_id, "midtrans")  # not there, too


def test_a_transfer_that_failed_is_paid_by_hand_and_never_sent_again(at: Gateways):
    buyer, _, refund_id = owe(at)
    set_account(buyer.id, "0000999999")  # the bank refuses it
    assert refund_execution.execute(refund_id) == "failed"
    assert open_tasks(refund_id) == ["refund_failed"]
    assert book(refund_id).status == "completed"
    assert open_tasks(refund_id) == []
    set_account(buyer.id)
    assert refund_execution.execute(refund_id) == "completed"
    assert len(rows("SELECT id FROM disbursements WHERE refund_id = :id", id=refund_id)) == 1


def refusal(refund_id: UUID) -> tuple[str, str]:
    """Why it can't be booked: the status that speaks against it, and what to do."""
    with pytest.raises(NotManuallyRefundable) as refused:
        book(refund_id)
    return refused.value.members["refund_status"], refused.value.detail


def test_what_is_not_owed_is_refused(at: Gateways):
    organizer, buyer, order = buy(at, "xendit", "QRIS")
    refund_id = request_refund(buyer, order)
    assert refusal(refund_id) == ("requested", "Nobody has decided about this refund yet. Approve it first.")
    with transaction() as tx:
        approval.reject(tx, organizer, refund_id, approval.Rejection(reason="Syaratnya lain"))
    assert refusal(refund_id)[0] == "rejected"
    with pytest.raises(NotFound):
        book(uuid4())


def test_what_is_on_its_way_or_back_already_is_refused(at: Gateways):
    buyer, _, refund_id = owe(at)
    set_account(buyer.id)
    at.fails("xendit", status=503, count=1000)
    with pytest.raises(GatewayUnavailable):
        refund_execution.execute(refund_id)
    at.behaves("xendit")
    assert refusal(refund_id)[0] == "processing"
    assert refund_execution.execute(refund_id) == "completed"
    assert refusal(refund_id)[0] == "completed"


def test_a_gateway_gives_back_only_what_it_took_in(at: Gateways):
    _, _, refund_id = owe(at, "xendit")
    with pytest.raises(Invalid):
        book(refund_id, "midtrans")
