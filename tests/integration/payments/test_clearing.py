"""The nightly check: one rupiah that is missing on either side is named, and the job fails (LEDGER)."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any, NoReturn

import pytest
from sqlalchemy import text

from shared.accounting import ledger
from shared.accounting.accounts import Account, gateway_clearing
from shared.cloud import clock
from shared.cloud.database import transaction
from shared.gateways.errors import GatewayUnavailable
from shared.gateways.midtrans.client import Midtrans
from shared.gateways.statuses import GatewayPaymentStatus
from shared.gateways.xendit.client import Xendit
from shared.identity.tokens import Principal
from shared.payments import check_windows, checkout, clearing, sync, unrecorded_payments
from shared.payments.clearing import LedgerMismatch
from shared.payouts import creation
from shared.payouts import execution as payout_execution
from shared.sales.schemas import OrderResponse
from tests.factories import a_user, an_event, reserve
from tests.integration.refunds.steps import let_it_be_over, rows, set_account
from tests.model.gateways import Gateways, gateways
from tests.reused_database import ReusedDatabase

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(scope="module")
def at(postgres, database) -> Iterator[Gateways]:
    """Both gateways."""
    with gateways(postgres, "clearing_gateways") as served:
        yield served


@pytest.fixture
def nothing_before(database: str, reused_database: ReusedDatabase) -> None:
    """The gateways' older movements are from before the first payment, with which the first run begins."""
    reused_database.empty()


@pytest.fixture(autouse=True)
def _nothing_booked(at: Gateways) -> Iterator[None]:
    yield
    with transaction() as tx:
        tx.execute(text("DELETE FROM manual_tasks"))


def sell(at: Gateways, gateway: str, *, booked: bool = True) -> Any:
    """An order that was paid at a gateway; we may not have heard of it."""
    with transaction() as tx:
        buyer: Principal = a_user(tx)
        event = an_event(tx)
    order = reserve(buyer, event)
    assert isinstance(order, OrderResponse)
    wanted = checkout.CheckoutRequest(payment_method="QRIS", gateway=gateway)
    payment = checkout.checkout(buyer.id, order.id, wanted).payments[0]
    at.does(gateway, str(payment.gateway_reference), "pay")
    if booked:
        sync.sync_payment(payment.id)
    return payment


def book_a_rupiah_more(payment: Any) -> None:
    with transaction() as tx:
        entries = {gateway_clearing(payment.gateway): 1, Account.PAYMENT_DIFFERENCES: -1}
        ledger.post(tx, "test", payment.id, entries, order_id=payment.order_id)


def check() -> None:
    clearing.check(window=timedelta(hours=1), margin=timedelta(seconds=-1))


def check_new() -> None:
    """Compare all that no run has compared."""
    clearing.check(window=timedelta(0), margin=timedelta(0))


def differences() -> list[tuple[str, str]]:
    """The differences that a comparison reports now, of this test's sales and of earlier ones."""
    with suppress(LedgerMismatch):
        check()
    return named()


def named() -> list[tuple[str, str]]:
    """The gateway and name in each report."""
    with transaction() as tx:
        rows = tx.execute(
            text("SELECT details ->> 'gateway' AS gateway, subject_id FROM manual_tasks WHERE kind = :kind"),
            {"kind": "clearing_difference"},
        )
        return [(row.gateway, row.subject_id) for row in rows]


def test_books_that_agree_pass_and_a_rupiah_that_is_missing_does_not(at: Gateways):
    sold = [sell(at, gateway) for gateway in ("xendit", "midtrans")]
    check()
    for payment in sold:
        book_a_rupiah_more(payment)
    with pytest.raises(LedgerMismatch):
        check()
    expected = {(payment.gateway, f"{payment.order_id}-1") for payment in sold}
    assert set(named()) == expected


def test_a_transfer_that_had_come_back_when_we_first_heard_of_it_agrees(at: Gateways):
    payment = sell(at, "xendit")
    [event] = rows("SELECT event_id AS id, organizer_id FROM orders WHERE id = :id", id=payment.order_id)
    set_account(event.organizer_id, "0000654321")  # the bank sends it back
    let_it_be_over(event.id)
    creation.create_all_due()
    [payout] = rows("SELECT id FROM payouts WHERE event_id = :id", id=event.id)
    assert payout_execution.execute(payout.id) == "failed"
    [transfer] = rows("SELECT id, status FROM disbursements WHERE payout_id = :id", id=payout.id)
    booked = rows("SELECT kind FROM ledger_postings WHERE reference_id = :id ORDER BY kind", id=transfer.id)
    assert transfer.status == "reversed"
    assert [row.kind for row in booked] == ["disbursement_paid", "disbursement_reversed"]
    assert ("xendit", str(transfer.id)) not in differences()


def test_money_that_a_gateway_took_and_we_never_booked_is_found(at: Gateways):
    payment = sell(at, "xendit", booked=False)
    with pytest.raises(LedgerMismatch):
        check()
    assert ("xendit", f"{payment.order_id}-1") in named()


class Killed(BaseException):
    """The function's time-out."""


def test_a_run_that_is_cut_off_has_told_what_it_found_and_is_gone_on_with(
    at: Gateways, monkeypatch: pytest.MonkeyPatch, nothing_before: None
):
    sold = [sell(at, "midtrans")]
    book_a_rupiah_more(sold[0])
    sold += [sell(at, "midtrans") for _ in range(4)]
    asked: list[str] = []
    ask = Midtrans.payment_status

    def answer_two_at_most(midtrans: Midtrans, order_id: str) -> GatewayPaymentStatus:
        asked.append(order_id)
        if len(asked) % 3 == 0:
            raise Killed
        return ask(midtrans, order_id)

    monkeypatch.setattr(Midtrans, "payment_status", answer_two_at_most)
    monkeypatch.setattr(clearing, "PAYMENTS_AT_ONCE", 2)
    with pytest.raises(Killed):
        check_new()
    assert named() == [("midtrans", f"{sold[0].order_id}-1")]
    with pytest.raises(Killed):
        check_new()
    check_new()
    first, second, third, fourth, fifth = (f"{payment.order_id}-1" for payment in sold)
    assert asked == [first, second, third, third, fourth, fifth, fifth]
    assert named() == [("midtrans", first)]


def no_answer(*_: Any) -> NoReturn:
    raise GatewayUnavailable("a gateway", "away", retry_after_seconds=1, outcome_unknown=False)


@pytest.mark.parametrize(
    ("away", "client", "call", "other"),
    [("xendit", Xendit, "movements", "midtrans"), ("midtrans", Midtrans, "payment_status", "xendit")],
    ids=["xendit", "midtrans"],
)
def test_a_gateway_that_is_away_keeps_no_other_from_being_compared(
    at: Gateways, monkeypatch: pytest.MonkeyPatch, nothing_before: None, away: str, client: type, call: str, other: str
):
    sell(at, away)
    sold = sell(at, other)
    with monkeypatch.context() as patched:
        patched.setattr(client, call, no_answer)
        with pytest.raises(GatewayUnavailable):
            check_new()
        book_a_rupiah_more(sold)
        with pytest.raises(LedgerMismatch):
            check_new()
    assert named() == [(other, f"{sold.order_id}-1")]
    check_new()
    assert named() == [(other, f"{sold.order_id}-1")]


@pytest.mark.parametrize("days", [5, 60])
def test_nights_without_a_run_leave_no_gap(at: Gateways, monkeypatch: pytest.MonkeyPatch, days: int):
    differences()
    payment = sell(at, "xendit", booked=False)
    later = clock.now() + timedelta(days=days)
    monkeypatch.setattr(clock, "now", lambda: later)
    with pytest.raises(LedgerMismatch):
        clearing.check()
    assert ("xendit", f"{payment.order_id}-1") in named()


def test_the_first_run_begins_with_the_first_payment(at: Gateways):
    sell(at, "xendit", booked=False)
    [first] = rows("SELECT min(created_at) AS at FROM payments")
    with transaction() as tx:
        since = check_windows.start(
            tx, "never.checked", until=clock.now() + timedelta(days=5), window=timedelta(hours=1)
        )
    assert since == first.at


def test_hours_without_a_run_leave_no_unrecorded_invoice(at: Gateways, monkeypatch: pytest.MonkeyPatch):
    unrecorded_payments.handle_unrecorded(older_than_seconds=0)
    payment = sell(at, "xendit", booked=False)
    tomorrow = clock.now() + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: tomorrow)
    unrecorded_payments.handle_unrecorded(older_than_seconds=0)
    [row] = rows("SELECT status FROM orders WHERE id = :id", id=payment.order_id)
    assert row.status == "paid"
