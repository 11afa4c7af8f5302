"""Disputes of card payments: nothing is booked until they are lost, and then all of it, once (PS-023)."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from infra.local.postgres import Postgres
from shared.cloud.database import transaction
from shared.gateways import registry
from shared.payments import clearing, disputes, sync
from shared.payments.disputes import LostDispute, LostDisputeResponse, NotDisputed
from shared.payments.status_handling import StatusOutcome
from shared.problems import Invalid, NotFound
from shared.refunds import dashboard_decisions
from shared.refunds import execution as refund_execution
from shared.refunds.dashboard_decisions import DashboardRefundRequest
from shared.sales.schemas import OrderResponse
from tests.factories import a_user
from tests.integration.refunds.gateway_sales import PAID, Sale, a_sale
from tests.integration.refunds.steps import open_tasks, rows
from tests.integration.settlement_reports.steps import an_admin, imported
from tests.model.gateways import Gateways, gateways

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(scope="module")
def at(postgres: Postgres, database: str) -> Iterator[Gateways]:
    with gateways(postgres, "dispute_gateways") as served:
        yield served


def a_disputed_sale(at: Gateways, quantity: int = 1) -> Sale:
    sale = a_sale(at, "midtrans", "ANY", quantity=quantity, channel="CREDIT_CARD")
    sale.at_the_dashboard("charge_back")
    assert sync.sync_payment(sale.payment.id) is StatusOutcome.NOTED
    assert open_tasks(sale.payment.id) == ["payment_charged_back"]
    return sale


def lose(sale: Sale, amount: int) -> LostDisputeResponse:
    with transaction() as tx:
        return disputes.lose(tx, a_user(tx, role="admin").id, sale.payment.id, LostDispute(amount=amount, note="Surat"))


def order_of(sale: Sale) -> OrderResponse:
    with transaction() as tx:
        return OrderResponse.read(tx, sale.order.id)


def accounts(sale: Sale) -> dict[str, int]:
    """The balances that the order has left, by account without its owner."""
    found = rows(
        """SELECT split_part(e.account, ':', 1) AS account, CAST(sum(e.amount) AS bigint) AS balance
           FROM ledger_entries e JOIN ledger_postings l ON l.id = e.posting_id
           WHERE l.order_id = :id GROUP BY 1 HAVING sum(e.amount) <> 0""",
        id=sale.order.id,
    )
    return {row.account: row.balance for row in found}


def test_an_open_dispute_changes_nothing(at):
    sale = a_disputed_sale(at)
    before = accounts(sale)
    assert sync.sync_payment(sale.payment.id) is StatusOutcome.NOTED
    assert (order_of(sale).status, accounts(sale)) == ("paid", before)
    assert open_tasks(sale.payment.id) == ["payment_charged_back"]


def test_a_dispute_that_is_lost_ends_the_order_and_leaves_nothing_of_it_in_the_books(at):
    sale = a_disputed_sale(at)
    booked = lose(sale, PAID)
    assert (booked.order_status, booked.to_decide) == ("refunded", 0)
    assert {ticket.status for ticket in order_of(sale).tickets} == {"void"}
    assert accounts(sale) == {}
    assert open_tasks(sale.payment.id) == []


def test_what_the_gateway_keeps_saying_of_a_lost_dispute_changes_nothing_more(at):
    sale = a_disputed_sale(at)
    lose(sale, PAID)
    assert sync.sync_payment(sale.payment.id) is StatusOutcome.NOTHING
    assert (accounts(sale), open_tasks(sale.payment.id)) == ({}, [])


def test_a_dispute_is_lost_once(at):
    sale = a_disputed_sale(at)
    lose(sale, PAID)
    with pytest.raises(NotDisputed):
        lose(sale, PAID)


def test_a_part_that_the_bank_took_waits_for_somebody_to_say_what_it_was_for(at):
    sale = a_disputed_sale(at, quantity=2)
    booked = lose(sale, 100_000)
    assert (booked.order_status, booked.to_decide) == ("paid", 100_000)
    assert open_tasks(sale.payment.id) == ["payment_partially_refunded"]
    with transaction() as tx:
        admin = a_user(tx, role="admin")
        dashboard_decisions.decide(tx, admin.id, sale.payment.id, DashboardRefundRequest(item_ids=[]))
    assert (order_of(sale).status, accounts(sale)["goodwill_refunds"]) == ("paid", 100_000)


def test_a_lost_dispute_pays_the_refund_that_is_owed(at):
    sale = a_sale(at, "midtrans", "ANY", channel="CREDIT_CARD")
    refund = sale.approved()
    sale.at_the_dashboard("charge_back")
    assert refund_execution.execute(refund.id) == "failed"
    sync.sync_payment(sale.payment.id)
    lose(sale, PAID)
    [row] = rows("SELECT status FROM refunds WHERE id = :id", id=refund.id)
    assert row.status == "completed"
    assert (order_of(sale).status, sale.moved()) == ("refunded", 0)


@pytest.mark.parametrize("amount", [PAID + 1, 10 * PAID])
def test_no_more_is_lost_than_the_payment_brought(at, amount):
    sale = a_disputed_sale(at)
    with pytest.raises(Invalid):
        lose(sale, amount)
    assert open_tasks(sale.payment.id) == ["payment_charged_back"]


def test_a_payment_that_nobody_disputes_is_not_lost(at):
    sale = a_sale(at, "midtrans")
    with pytest.raises(NotDisputed):
        lose(sale, PAID)


def test_an_unknown_payment_is_not_found():
    with transaction() as tx:
        admin = a_user(tx, role="admin")
        with pytest.raises(NotFound):
            disputes.lose(tx, admin.id, uuid4(), LostDispute(amount=1, note="Surat"))


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_disputed_payment_is_no_difference_between_books_and_gateway(at, is_lost):
    sale = a_disputed_sale(at)
    if is_lost:
        lose(sale, PAID)
    assert clearing._moved(registry.gateway("midtrans"), sale.payment.id) is None


def test_the_line_of_a_lost_dispute_in_the_gateways_report_is_no_difference(at):
    sale = a_disputed_sale(at)
    lose(sale, PAID)
    report = at.session.get(f"{at.url}/midtrans/reports/transactions.csv", timeout=60)
    imported(report.content, an_admin())
    found = rows(
        """SELECT l.kind, d.id FROM settlement_lines l LEFT JOIN settlement_differences d ON d.line_id = l.id
           WHERE l.payment_id = :id ORDER BY l.kind""",
        id=sale.payment.id,
    )
    assert [tuple(row) for row in found] == [("chargeback", None), ("payment", None)]
