"""Money goes back once, whatever gateways refuse, answer late or have given back without us (PS-017, PS-025)."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from infra.local.postgres import Postgres
from shared.cloud.database import transaction
from shared.gateways.errors import GatewayError, GatewayUnavailable, NotSettledYet
from shared.gateways.midtrans.client import Midtrans
from shared.gateways.statuses import (
    GatewayRefundState,
    GatewayRefundStatus,
    GatewayTransferState,
    GatewayTransferStatus,
)
from shared.gateways.xendit.client import Xendit
from shared.payments import reconcile, sync
from shared.payments.status_handling import StatusOutcome
from shared.payouts import bank_accounts, transfers
from shared.refunds import execution as refund_execution
from shared.refunds import requests as refund_requests
from tests.integration.refunds.gateway_sales import BACK, PAID, a_sale, with_account
from tests.integration.refunds.steps import open_tasks, rows
from tests.model.gateways import Gateways, gateways
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(scope="module")
def at(postgres: Postgres, database: str) -> Iterator[Gateways]:
    with gateways(postgres, "refund_gateways") as served:
        yield served


def status(refund: refund_requests.RefundResponse) -> tuple[str, str | None]:
    [row] = rows("SELECT status, method FROM refunds WHERE id = :id", id=refund.id)
    return row.status, row.method


def long_ago(refund: refund_requests.RefundResponse) -> None:
    with transaction() as tx:
        tx.execute(text("UPDATE refunds SET updated_at = now() - interval '2 hours' WHERE id = :id"), {"id": refund.id})


@pytest.mark.parametrize("gateway", ["xendit", "midtrans"])
@pytest.mark.parametrize("part", [PAID, 50_000])
def test_what_somebody_gave_back_at_the_dashboard_is_not_given_back_by_transfer_as_well(at, gateway, part):
    sale = with_account(a_sale(at, gateway))
    refund = sale.request_refund()
    sale.at_the_dashboard("refund", amount=part)
    sale.approve(refund)
    assert refund_execution.execute(refund.id) == "failed"
    assert sale.moved() == PAID - part
    assert open_tasks(refund.id) == ["refund_disputed"]


@pytest.mark.parametrize("gateway", ["xendit", "midtrans"])
def test_what_a_wallet_gives_back_in_full_only_goes_by_transfer(at, gateway):
    sale = with_account(a_sale(at, gateway, {"xendit": "BCA", "midtrans": "OVO"}[gateway]))
    refund = sale.approved()
    refund_execution.execute(refund.id)
    assert refund_execution.sync(refund.id) == "completed"
    assert sale.moved() == PAID - BACK


def test_money_given_back_at_the_dashboard_before_ours_was_sent_is_told_to_a_person(at):
    sale = a_sale(at, "midtrans")
    sale.approved()
    sale.at_the_dashboard("refund", amount=10_000)
    assert sync.sync_payment(sale.payment.id) is StatusOutcome.NOTED
    assert open_tasks(sale.payment.id) == ["payment_partially_refunded"]


@pytest.mark.parametrize("method", ["GOPAY", "OVO"])
def test_what_goes_back_at_the_dashboard_after_our_refund_is_told_to_a_person(at, method):
    sale = with_account(a_sale(at, "midtrans", method))
    refund = sale.approved()
    refund_execution.execute(refund.id)
    assert refund_execution.sync(refund.id) == "completed"
    assert sync.sync_payment(sale.payment.id) is StatusOutcome.NOTHING
    sale.at_the_dashboard("refund")
    assert sync.sync_payment(sale.payment.id) is StatusOutcome.NOTED
    assert open_tasks(sale.payment.id) == ["payment_refunded"]


def test_a_refund_that_was_cut_off_and_then_refused_goes_by_transfer(at):
    sale = with_account(a_sale(at, "midtrans", "OVO"))  # in full only: nine tenths are refused
    refund = sale.approved()
    at.fails("midtrans", status=503, count=1000)
    with pytest.raises(GatewayError):
        refund_execution.execute(refund.id)
    at.behaves("midtrans")
    for _ in range(3):
        long_ago(refund)
        reconcile.run(thorough=False, older_than_seconds=60)
    assert status(refund) == ("completed", "disbursement")
    assert sale.moved() == PAID - BACK


def test_a_refund_that_the_gateway_knows_and_does_not_list_yet_is_asked_about_again(at, monkeypatch):
    sale = with_account(a_sale(at, "midtrans"))
    refund = sale.approved()
    at.fails("midtrans", status=503, count=1, takes_effect=True)
    with monkeypatch.context() as unlisted:
        unlisted.setattr(Midtrans, "refund_status", lambda *_: None)
        with pytest.raises(GatewayUnavailable):
            refund_execution.execute(refund.id)
    assert status(refund) == ("processing", "gateway")
    assert refund_execution.sync(refund.id) == "completed"
    assert sale.moved() == PAID - BACK


def test_a_card_that_has_not_settled_is_given_back_by_its_gateway_later(at, monkeypatch):
    sale = a_sale(at, "midtrans", "QRIS")
    refund = sale.approved()
    with monkeypatch.context() as patch:
        patch.setattr(Midtrans, "refund", lambda *_, **__: (_ for _ in ()).throw(NotSettledYet("midtrans")))
        assert refund_execution.execute(refund.id) == "processing"
    reconcile.run(thorough=False, older_than_seconds=0)
    until(lambda: refund_execution.sync(refund.id) == "completed")
    assert (sale.moved(), open_tasks(refund.id)) == (PAID - BACK, [])


@pytest.mark.parametrize("account", [True, False])
def test_what_a_cards_owner_has_disputed_is_not_given_back_by_transfer_as_well(at, account):
    sale = a_sale(at, "midtrans", "ANY", channel="CREDIT_CARD")
    if account:
        with_account(sale)
    refund = sale.approved()
    sale.at_the_dashboard("charge_back")
    assert sale.moved() == 0
    assert refund_execution.execute(refund.id) == "failed"
    assert sale.moved() == 0
    assert open_tasks(refund.id) == ["refund_disputed"]


def test_an_account_that_is_set_in_the_very_moment_when_none_was_found_is_used(at, monkeypatch):
    sale = a_sale(at, "xendit", "BCA")  # a virtual account: it goes by transfer
    refund = sale.approved()
    looked, go_on, real = threading.Event(), threading.Event(), bank_accounts.current

    def slow(tx, user_id):
        found = real(tx, user_id)
        if threading.current_thread().name == "sender":
            looked.set()
            assert go_on.wait(60)
        return found

    monkeypatch.setattr(bank_accounts, "current", slow)
    sender = threading.Thread(target=lambda: refund_execution.execute(refund.id), name="sender")
    sender.start()
    assert looked.wait(60)
    setter = threading.Thread(target=lambda: with_account(sale))
    setter.start()  # it waits for the sender, and then sees what that has left
    until(lambda: rows("SELECT 1 FROM pg_locks WHERE NOT granted") or not setter.is_alive(), what="for the setter")
    go_on.set()
    sender.join()
    setter.join()
    for _ in range(2):
        long_ago(refund)
        reconcile.run(thorough=False, older_than_seconds=60)
    assert status(refund) == ("completed", "disbursement")


def test_what_is_too_little_for_a_transfer_is_for_a_person(at):
    sale = with_account(a_sale(at, "xendit", "BCA", price=10_000))
    refund = sale.approved()
    assert refund_execution.execute(refund.id) == "approved"
    assert open_tasks(refund.id) == ["refund_by_hand"]
    assert rows("SELECT id FROM disbursements WHERE refund_id = :id", id=refund.id) == []


def test_a_transfer_that_a_bank_sends_back_is_owed_again_and_its_buyer_and_a_person_are_told(at):
    sale = with_account(a_sale(at, "midtrans", "BCA"))
    refund = sale.approved()
    refund_execution.execute(refund.id)
    assert refund_execution.sync(refund.id) == "completed"
    with transaction() as tx:
        sent = transfers.newest(tx, refund.id)
    came_back = GatewayTransferStatus(
        "xendit", str(sent.id), "disb-1", sent.amount, GatewayTransferState.REVERSED, None, False, "REVERSED"
    )
    assert refund_execution.record_transfer(sent, came_back) == "failed"
    assert open_tasks(refund.id) == ["refund_failed"]
    mails = "SELECT 1 FROM emails WHERE order_id = :id AND template = 'refund_account_needed'"
    assert len(rows(mails, id=sale.order.id)) == 1


def test_refunds_that_a_gateway_leaves_pending_keep_no_other_from_being_sent(at, monkeypatch):
    def pending(self, **asked):
        return GatewayRefundStatus(
            gateway="xendit",
            reference=asked["reference_id"],
            gateway_reference=f"rfd-{asked['reference_id']}",
            payment_reference=asked["invoice_id"],
            amount=asked["amount"],
            state=GatewayRefundState.PENDING,
            failure_code=None,
            raw_status="PENDING",
        )

    monkeypatch.setattr(Xendit, "refund", pending)
    monkeypatch.setattr(Xendit, "refund_status", lambda *_: (_ for _ in ()).throw(GatewayUnavailable("xendit", "away")))
    monkeypatch.setattr(reconcile, "MAX_PER_CHECK", 2)
    for _ in range(3):
        assert refund_execution.execute(a_sale(at).approved().id) == "processing"
    sale = with_account(a_sale(at, method="BCA"))
    refund = sale.approved()
    with transaction() as tx:
        tx.execute(text("UPDATE refunds SET method = 'disbursement' WHERE id = :id"), {"id": refund.id})
        old = "UPDATE refunds SET updated_at = now() - make_interval(mins => CASE WHEN id = :id THEN 10 ELSE 20 END)"
        tx.execute(text(f"{old} WHERE status IN ('approved', 'processing')"), {"id": refund.id})

    def is_sent() -> bool:
        reconcile.run(thorough=False)
        return status(refund)[0] != "approved"

    until(is_sent, what="for the draw to take it")
