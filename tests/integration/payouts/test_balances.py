"""A payout is what is owed at its moment, over all events of an organizer, whatever ran before (FN-010)."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import text

from functions.manifest import manifest
from infra.local.postgres import Postgres
from shared.accounting import ledger
from shared.accounting.accounts import organizer_payable
from shared.cloud import manual_tasks, permissions
from shared.cloud.database import Transaction, transaction
from shared.gateways.errors import GatewayUnavailable
from shared.identity.tokens import Principal
from shared.payments import cancellation, reconcile
from shared.payments.cancellation import Cancellation, EventOver
from shared.payouts import balance, creation
from shared.payouts import execution as payout_execution
from shared.payouts import records as payout_records
from shared.problems import Problem, TryAgain
from shared.refunds import approval
from shared.refunds import requests as refund_requests
from shared.refunds.approval import Rejection
from shared.refunds.requests import RefundRequest
from tests.factories import Event, a_promo, a_tier, a_user, an_event
from tests.integration.refunds.sales import a_paid_order
from tests.integration.refunds.steps import let_it_be_over, open_tasks, rows, set_account
from tests.model.gateways import Gateways, gateways
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database", "at")

AWAY = "0000123456"


@pytest.fixture(scope="module")
def at(postgres: Postgres, database: str) -> Iterator[Gateways]:
    """Both gateways."""
    with gateways(postgres, "owed_gateways") as served:
        yield served


def an_organizer(account: bool = True) -> Principal:
    with transaction() as tx:
        organizer = a_user(tx, role="organizer")
    if account:
        set_account(organizer.id)
    return organizer


def an_event_with(organizer: Principal, *prices: int) -> Event:
    """An event of which a ticket was sold at each of these prices."""
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(price=price) for price in prices], organizer_id=organizer.id)
    for number in range(len(prices)):
        a_paid_order(event, quantities=[int(number == each) for each in range(len(prices))])
    return event


def start_cancelling(organizer: Principal, event: Event) -> None:
    with transaction() as tx:
        cancellation.start(tx, organizer, event.id, Cancellation(reason="Hujan"))


def cancel(organizer: Principal, event: Event) -> None:
    start_cancelling(organizer, event)
    assert cancellation.run_batch(event.id)


def owed(organizer: Principal) -> int:
    """The ledger's debt to an organizer, over all events."""
    [row] = rows(
        "SELECT -COALESCE(sum(amount), 0) AS owed FROM ledger_entries WHERE account = :account",
        account=organizer_payable(organizer.id),
    )
    return int(row.owed)


def payouts_of(organizer: Principal) -> list[UUID]:
    return [
        row.id
        for row in rows("SELECT id FROM payouts WHERE organizer_id = :id ORDER BY created_at, id", id=organizer.id)
    ]


def send_all(organizer: Principal) -> int:
    """Send what waits; how much has arrived in all, in rupiah."""
    for payout_id in payouts_of(organizer):
        payout_execution.execute(payout_id)
    return arrived(organizer)


def arrived(organizer: Principal) -> int:
    [row] = rows(
        """SELECT COALESCE(sum(d.amount), 0) AS amount FROM disbursements d JOIN payouts p ON p.id = d.payout_id
           WHERE p.organizer_id = :id AND d.status = 'succeeded'""",
        id=organizer.id,
    )
    return int(row.amount)


def post_debt(event: Event, amount: int, kind: str = "chargeback_lost") -> None:
    """The organizer owes us so much more, as after a chargeback; negative: we owe them more."""
    with transaction() as tx:
        [row] = tx.execute(text("SELECT gen_random_uuid() AS id")).all()
        entries = {organizer_payable(event.organizer_id): amount, "gateway_clearing:xendit": -amount}
        ledger.post_for_event(tx, kind, row.id, entries, event_id=event.id)


def test_what_a_cancelled_event_costs_comes_off_a_payout_of_the_same_day():
    organizer = an_organizer()
    cancelled, good = an_event_with(organizer, 100_000), an_event_with(organizer, 150_000, 150_000)
    cancel(organizer, cancelled)
    let_it_be_over(good.id)
    assert owed(organizer) == 265_000
    creation.create_all_due()
    assert send_all(organizer) == 265_000
    assert owed(organizer) == 0


def test_a_debt_of_an_event_that_is_still_to_come_comes_off_too_and_its_sales_do_not_count():
    organizer = an_organizer()
    good, charged_back, coming = (an_event_with(organizer, price) for price in (200_000, 50_000, 300_000))
    post_debt(charged_back, 60_000)
    let_it_be_over(good.id)
    creation.create_all_due()
    assert send_all(organizer) == 180_000 - 15_000
    let_it_be_over(charged_back.id)
    let_it_be_over(coming.id)
    creation.create_all_due()
    assert send_all(organizer) == 180_000 - 15_000 + 270_000
    assert owed(organizer) == 0


def test_what_is_no_longer_owed_when_a_payout_is_sent_is_not_sent():
    organizer = an_organizer(account=False)
    cancelled, good = an_event_with(organizer, 100_000), an_event_with(organizer, 150_000, 150_000)
    let_it_be_over(good.id)
    creation.create_all_due()
    assert send_all(organizer) == 0, "it waits for a bank account"
    cancel(organizer, cancelled)
    set_account(organizer.id)
    assert send_all(organizer) == 265_000
    [payout_id] = payouts_of(organizer)
    with transaction() as tx:
        payout = payout_records.read(tx, payout_id)
        assert (payout.amount, payout.status) == (265_000, "completed")
        assert ledger.unbalanced_postings(tx, days=1) == {}
    assert owed(organizer) == 0


def test_a_transfer_that_failed_is_sent_again_with_what_is_owed_then():
    organizer = an_organizer(account=False)
    set_account(organizer.id, AWAY)
    event = an_event_with(organizer, 200_000)
    let_it_be_over(event.id)
    creation.create_all_due()
    assert send_all(organizer) == 0
    post_debt(event, 30_000)
    set_account(organizer.id)
    assert send_all(organizer) == 150_000
    assert owed(organizer) == 0


def test_a_payout_of_which_too_little_is_left_is_carried_over_into_a_later_one():
    organizer = an_organizer(account=False)
    event, later = an_event_with(organizer, 100_000), an_event_with(organizer, 100_000)
    let_it_be_over(event.id)
    creation.create_all_due()
    post_debt(event, 85_000)
    set_account(organizer.id)
    assert send_all(organizer) == 0
    [payout_id] = payouts_of(organizer)
    with transaction() as tx:
        assert (payout_records.read(tx, payout_id).status, payout_records.read(tx, payout_id).amount) == (
            "carried_over",
            0,
        )
    assert owed(organizer) == 5_000 + 90_000
    let_it_be_over(later.id)
    creation.create_all_due()
    assert send_all(organizer) == 95_000


def test_what_is_below_the_minimum_is_carried_over():
    organizer = an_organizer()
    small, big = an_event_with(organizer, 10_000), an_event_with(organizer, 100_000)
    let_it_be_over(small.id)
    creation.create_all_due()
    assert send_all(organizer) == 0
    let_it_be_over(big.id)
    creation.create_all_due()
    assert send_all(organizer) == 9_000 + 90_000


def test_what_becomes_payable_after_the_last_payout_is_paid_by_itself():
    organizer = an_organizer()
    event = an_event_with(organizer, 100_000)
    let_it_be_over(event.id)
    creation.create_all_due()
    assert send_all(organizer) == 90_000
    post_debt(event, -9_999, "correction")
    creation.create_all_due()
    assert send_all(organizer) == 90_000, "too little to send"
    post_debt(event, -1, "correction")
    at_the_same_time([creation.create_all_due] * 4)
    assert send_all(organizer) == 100_000
    assert owed(organizer) == 0
    creation.create_all_due()
    assert len(payouts_of(organizer)) == 2


@pytest.mark.parametrize("is_remainder", [False, True], ids=["of an event", "a remainder"])
def test_a_payout_that_cannot_be_created_keeps_no_other_from_being_created(
    monkeypatch: pytest.MonkeyPatch, is_remainder: bool
):
    failing, sound = sorted((an_organizer(), an_organizer()), key=lambda organizer: organizer.id)
    events = [an_event_with(organizer, 100_000) for organizer in (failing, sound)]
    for event in events:
        let_it_be_over(event.id)
    if is_remainder:
        creation.create_all_due()
        for event in events:
            post_debt(event, -20_000, "correction")
    before, read = len(payouts_of(failing)), balance.owed

    def owed_or_none(tx: Transaction, organizer_id: UUID, event_id: UUID | None = None) -> int:
        if organizer_id == failing.id:
            raise TryAgain("statement timeout", retry_after_seconds=1)
        return read(tx, organizer_id, event_id)

    with monkeypatch.context() as patched:
        patched.setattr(balance, "owed", owed_or_none)
        with pytest.raises(TryAgain):
            creation.create_all_due()
    assert (len(payouts_of(failing)), len(payouts_of(sound))) == (before, before + 1)
    creation.create_all_due()
    assert len(payouts_of(failing)) == before + 1


def test_a_payout_waits_while_an_event_is_being_cancelled_and_goes_on_by_itself():
    organizer = an_organizer()
    cancelled, good = an_event_with(organizer, 100_000), an_event_with(organizer, 150_000, 150_000)
    let_it_be_over(good.id)
    start_cancelling(organizer, cancelled)
    creation.create_all_due()
    assert send_all(organizer) == 0
    [before] = rows("SELECT COALESCE(max(id), 0) AS id FROM outbox")
    with permissions.run_as(manifest().functions["cancellation_batches"].permissions):
        assert cancellation.run_batch(cancelled.id)
    asked = rows("SELECT payload FROM outbox WHERE topic = 'payout.requested' AND id > :id", id=before.id)
    assert [UUID(row.payload["payout_id"]) for row in asked] == payouts_of(organizer)
    assert send_all(organizer) == 265_000


@pytest.mark.slow("a race of three, ten times")
@pytest.mark.parametrize("_", range(10))
def test_two_runs_and_a_cancellation_at_once_pay_no_more_than_is_owed(_: int):
    organizer = an_organizer()
    cancelled, good = an_event_with(organizer, 100_000), an_event_with(organizer, 150_000, 150_000)
    let_it_be_over(good.id)
    at_the_same_time([creation.create_all_due, lambda: start_cancelling(organizer, cancelled), creation.create_all_due])
    at_the_same_time(
        [
            creation.create_all_due,
            lambda: cancellation.run_batch(cancelled.id) and None,
            lambda: send_all(organizer) and None,
            creation.create_all_due,
            lambda: send_all(organizer) and None,
        ]
    )
    assert send_all(organizer) == 265_000
    assert owed(organizer) == 0


def test_a_transfer_that_was_cut_off_goes_on_with_the_sum_it_began_with(at: Gateways):
    organizer = an_organizer()
    event = an_event_with(organizer, 100_000)
    let_it_be_over(event.id)
    creation.create_all_due()
    [payout_id] = payouts_of(organizer)
    at.fails("xendit", status=503, count=1000)
    with pytest.raises(GatewayUnavailable):
        payout_execution.execute(payout_id)
    at.behaves("xendit")
    post_debt(event, 40_000)
    assert send_all(organizer) == 90_000, "the gateway may have it already: the same key with the same sum"
    assert owed(organizer) == -40_000


# A disputed payment


def test_a_disputed_payment_keeps_back_its_share_of_every_payout_until_a_person_is_done_with_it():
    organizer = an_organizer()
    with transaction() as tx:
        event = an_event(tx, organizer_id=organizer.id)
    disputed, _ = a_paid_order(event), a_paid_order(event)
    payment_id = disputed.payments[0].id
    with transaction() as tx:
        manual_tasks.add(tx, "payment_charged_back", subject="payment", subject_id=payment_id)
    let_it_be_over(event.id)
    creation.create_all_due()
    assert send_all(organizer) == 90_000
    with transaction() as tx:
        manual_tasks.close(tx, payment_id, by=None)
    creation.create_all_due()
    assert send_all(organizer) == 180_000
    assert owed(organizer) == 0


# An undecided refund


def an_undecided_refund(organizer: Principal) -> tuple[Event, UUID]:
    with transaction() as tx:
        event, buyer = an_event(tx, organizer_id=organizer.id), a_user(tx)
    order = a_paid_order(event, buyer=buyer, quantities=[2])
    with transaction() as tx:
        wanted = RefundRequest(order_id=order.id, ticket_ids=[order.tickets[0].id], reason="Sakit")
        return event, refund_requests.request(tx, buyer.id, wanted).id


def over_for(event: Event, days: int) -> None:
    with transaction() as tx:
        tx.execute(
            text("""
                UPDATE events SET start_date = now() - make_interval(days => :days, hours => 4),
                    end_date = now() - make_interval(days => :days) WHERE id = :id
            """),
            {"id": event.id, "days": days},
        )


def test_an_undecided_refund_holds_a_payout_for_fourteen_days_after_the_event_and_then_only_its_own_money():
    organizer = an_organizer()
    event, refund_id = an_undecided_refund(organizer)
    over_for(event, creation.DAYS_TO_DECIDE - 1)
    creation.create_all_due()
    assert payouts_of(organizer) == []
    over_for(event, creation.DAYS_TO_DECIDE)
    creation.create_all_due()
    assert send_all(organizer) == 90_000
    assert open_tasks(refund_id) == ["refund_undecided"]


@pytest.mark.parametrize(("decision", "in_all"), [("approve", 90_000), ("reject", 180_000)])
def test_what_an_undecided_refund_kept_back_goes_to_whom_it_is_decided_for(decision: str, in_all: int):
    organizer = an_organizer()
    event, refund_id = an_undecided_refund(organizer)
    over_for(event, creation.DAYS_TO_DECIDE)
    creation.create_all_due()
    send_all(organizer)
    with transaction() as tx:
        admin = a_user(tx, role="admin")
        if decision == "approve":
            approval.approve(tx, admin, refund_id)
        else:
            approval.reject(tx, admin, refund_id, Rejection(reason="Acara sudah lewat"))
    creation.create_all_due()
    assert send_all(organizer) == in_all
    assert open_tasks(refund_id) == []
    assert owed(organizer) == 0


# An admin cancels late


def test_an_admin_may_cancel_after_the_end_until_the_payout_is_made():
    organizer = an_organizer()
    event = an_event_with(organizer, 100_000)
    let_it_be_over(event.id)
    with transaction() as tx:
        admin = a_user(tx, role="admin")
    with pytest.raises(EventOver):
        start_cancelling(organizer, event)
    cancel(admin, event)
    creation.create_all_due()
    assert send_all(organizer) == 0
    assert owed(organizer) == -5_000
    [refund] = rows(
        "SELECT r.amount FROM refunds r JOIN orders o ON o.id = r.order_id WHERE o.event_id = :id", id=event.id
    )
    assert refund.amount == 107_500


def test_once_the_payout_is_made_nobody_cancels():
    organizer = an_organizer(account=False)
    event = an_event_with(organizer, 100_000)
    let_it_be_over(event.id)
    creation.create_all_due()
    with transaction() as tx:
        admin = a_user(tx, role="admin")
    with pytest.raises(EventOver):
        start_cancelling(admin, event)


@pytest.mark.parametrize("_", range(5))
def test_an_admin_cancels_or_the_payout_is_made_and_never_both(_: int):
    organizer = an_organizer()
    event = an_event_with(organizer, 100_000)
    let_it_be_over(event.id)
    with transaction() as tx:
        admin = a_user(tx, role="admin")

    def try_to_cancel() -> None:
        try:
            cancel(admin, event)
        except Problem:
            return

    at_the_same_time([try_to_cancel, lambda: creation.create_all_due() and None])
    creation.create_all_due()
    assert (send_all(organizer), owed(organizer)) in ((90_000, 0), (0, -5_000))


def test_the_penalty_is_of_what_was_paid_for_what_was_still_sold_without_fees():  # FN-015
    organizer = an_organizer()
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(price=100_000)], organizer_id=organizer.id)
        a_promo(tx, event, code=f"P{event.id.hex[:12].upper()}", organizer_id=None, amount=30_000)
        buyer = a_user(tx)
    a_paid_order(event, promo_code=f"P{event.id.hex[:12].upper()}")
    order = a_paid_order(event, buyer=buyer, quantities=[2])
    with transaction() as tx:
        wanted = RefundRequest(order_id=order.id, ticket_ids=[order.tickets[0].id], reason="Sakit")
        approval.approve(tx, organizer, refund_requests.request(tx, buyer.id, wanted).id)
    cancel(organizer, event)
    [done] = rows("SELECT penalty FROM event_cancellations WHERE event_id = :id", id=event.id)
    assert done.penalty == (70_000 + 100_000) * 5 // 100
    assert owed(organizer) == -done.penalty


@pytest.mark.slow("a cancellation, payouts and a run of reconcile")
def test_reconcile_sends_what_has_waited_for_a_cancellation():
    organizer = an_organizer()
    cancelled, good = an_event_with(organizer, 100_000), an_event_with(organizer, 150_000)
    let_it_be_over(good.id)
    start_cancelling(organizer, cancelled)
    creation.create_all_due()
    send_all(organizer)
    reconcile.run(thorough=False, older_than_seconds=0)
    assert arrived(organizer) == 135_000 - 5_000
