"""Organizers get their money, once, whatever banks and messages do (FN-006..012)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.catalog import editing
from shared.catalog.editing import DatesFixed, OnlyPostponed
from shared.catalog.events import EventChange
from shared.cloud.database import transaction
from shared.gateways.errors import GatewayUnavailable
from shared.identity.tokens import Principal
from shared.messages import template_context
from shared.payments import reconcile, transfer_sync
from shared.payouts import creation, retries
from shared.payouts import execution as payout_execution
from shared.payouts import records as payout_records
from shared.problems import Invalid
from tests.factories import Event, a_user, an_event
from tests.integration.refunds.sales import a_paid_order
from tests.integration.refunds.steps import GOOD_ACCOUNT, let_it_be_over, open_tasks, rows, set_account
from tests.model.gateways import Gateways, gateways
from tests.threads import at_the_same_time, behind

pytestmark = pytest.mark.usefixtures("database", "at")

BANK_AWAY, REFUSED = "0000123456", "0000999999"


@pytest.fixture(scope="module")
def at(postgres, database) -> Iterator[Gateways]:
    """Both gateways."""
    with gateways(postgres, "payouts_gateways") as served:
        yield served


def a_payout(account: str | None = GOOD_ACCOUNT) -> tuple[Principal, UUID]:
    """An organizer whose event ended nine days ago, and the payout of it."""
    with transaction() as tx:
        event = an_event(tx)
    organizer = Principal(event.organizer_id, "organizer", event.organizer_id)
    if account:
        set_account(organizer.id, account)
    a_paid_order(event)
    let_it_be_over(event.id)
    creation.create_all_due()
    [payout] = rows("SELECT id FROM payouts WHERE event_id = :id", id=event.id)
    return organizer, payout.id


def status(payout_id: UUID) -> str:
    with transaction() as tx:
        return payout_records.read(tx, payout_id).status


def transfers(payout_id: UUID) -> list[str]:
    """The end of the account that each transfer went to, the oldest first."""
    return [
        row.account_number_ending
        for row in rows(
            """SELECT b.account_number_ending FROM disbursements d JOIN bank_accounts b ON b.id = d.bank_account_id
               WHERE d.payout_id = :id ORDER BY d.attempt""",
            id=payout_id,
        )
    ]


def asked(payout_id: UUID) -> int:
    """The number of messages that ask for it."""
    [row] = rows(
        "SELECT count(*) FROM outbox WHERE topic = 'payout.requested' AND payload ->> 'payout_id' = :id",
        id=str(payout_id),
    )
    return int(row.count)


def retry(caller: Principal, payout_id: UUID) -> str:
    with transaction() as tx:
        return retries.retry(tx, payout_id, caller).status


def let_an_hour_pass() -> None:
    with transaction() as tx:
        tx.execute(text("UPDATE disbursements SET updated_at = updated_at - interval '2 hours'"))
        tx.execute(text("UPDATE payouts SET updated_at = updated_at - interval '2 hours'"))


def reconcile_an_hour_later() -> None:
    let_an_hour_pass()
    reconcile.run(thorough=False)


def until_given_up(payout_id: UUID) -> None:
    """Let reconcile try it for longer than it may."""
    payout_execution.execute(payout_id)
    for _ in range(payout_records.MAX_TRIES + 2):
        reconcile_an_hour_later()


def move_dates(organizer: Principal, event: Event, *, days: int) -> None:
    """Let an event begin in so many days."""
    start = datetime.now(UTC) + timedelta(days=days)
    with transaction() as tx:
        wanted = EventChange(start_date=start, end_date=start + timedelta(hours=4))
        editing.change(tx, organizer, event.id, wanted)


def is_paid_out(event: Event) -> bool:
    return bool(rows("SELECT id FROM payouts WHERE event_id = :id", id=event.id))


def test_dates_that_are_moved_bring_no_payout_before_the_event():  # FN-006
    with transaction() as tx:
        event = an_event(tx)
        admin = a_user(tx, role="admin")
    organizer = Principal(event.organizer_id, "organizer", event.organizer_id)
    a_paid_order(event)
    for caller, days, refusal in ((organizer, -10, Invalid), (admin, -10, Invalid), (organizer, 20, OnlyPostponed)):
        with pytest.raises(refusal):
            move_dates(caller, event, days=days)
    move_dates(admin, event, days=20)
    creation.create_all_due()
    assert not is_paid_out(event)


def test_the_dates_of_an_event_that_is_paid_out_stay():
    with transaction() as tx:
        event = an_event(tx)
        admin = a_user(tx, role="admin")
    organizer = Principal(event.organizer_id, "organizer", event.organizer_id)
    a_paid_order(event)
    let_it_be_over(event.id)
    creation.create_all_due()
    for caller in (organizer, admin):
        with pytest.raises(DatesFixed):
            move_dates(caller, event, days=30)
    with transaction() as tx:
        assert editing.change(tx, organizer, event.id, EventChange(title="Kenangan")).title == "Kenangan"


def an_event_that_is_due() -> tuple[Event, Principal]:
    with transaction() as tx:
        event = an_event(tx)
    a_paid_order(event)
    let_it_be_over(event.id)
    return event, Principal(event.organizer_id, "organizer", event.organizer_id)


def test_a_payout_waits_for_an_editor_and_is_not_made_for_an_event_that_was_postponed():
    event, organizer = an_event_that_is_due()
    with transaction() as tx:
        start = datetime.now(UTC) + timedelta(days=30)
        wanted = EventChange(start_date=start, end_date=start + timedelta(hours=4))
        editing.change(tx, organizer, event.id, wanted)
        creating = behind(tx, creation.create_all_due)
    assert creating.result() == 0
    assert not is_paid_out(event)


def test_an_editor_waits_for_a_payout_and_finds_the_dates_fixed():
    event, organizer = an_event_that_is_due()
    with transaction() as tx:
        assert creation.create(tx, event.id, event.organizer_id)
        moving = behind(tx, lambda: move_dates(organizer, event, days=30))
    with pytest.raises(DatesFixed):
        moving.result()


def test_a_message_that_comes_again_sends_nothing_again():
    _, payout_id = a_payout(REFUSED)
    assert [payout_execution.execute(payout_id) for _ in range(3)] == ["failed"] * 3
    assert len(transfers(payout_id)) == 1


def test_reconcile_stops_after_five_tries_and_asks_a_person():
    _, payout_id = a_payout(BANK_AWAY)
    payout_execution.execute(payout_id)
    reconcile.run(thorough=False)
    assert len(transfers(payout_id)) == 1, "it waits for an hour"
    until_given_up(payout_id)
    assert (status(payout_id), len(transfers(payout_id))) == ("failed", payout_records.MAX_TRIES)
    assert open_tasks(payout_id) == ["payout_failed"]


def test_two_runs_of_reconcile_that_have_both_found_a_failed_payout_try_it_once():
    _, payout_id = a_payout(BANK_AWAY)
    payout_execution.execute(payout_id)
    let_an_hour_pass()
    assert [payout_execution.retry_failed(payout_id) for _ in range(2)] == ["failed"] * 2
    assert len(transfers(payout_id)) == 2


@pytest.mark.parametrize("role", ["organizer", "admin"])
def test_a_person_may_have_it_sent_after_any_number_of_failures(role: str):
    organizer, payout_id = a_payout(BANK_AWAY)
    until_given_up(payout_id)
    with transaction() as tx:
        caller = a_user(tx, role="admin") if role == "admin" else organizer
    assert [retry(caller, payout_id) for _ in range(2)] == ["pending"] * 2
    assert [payout_execution.execute(payout_id) for _ in range(2)] == ["failed"] * 2, "asked twice at once it goes once"
    assert len(transfers(payout_id)) == payout_records.MAX_TRIES + 1
    until_given_up(payout_id)
    assert len(transfers(payout_id)) == 2 * payout_records.MAX_TRIES
    [line] = rows(
        """SELECT actor_id FROM audit_log WHERE subject_id = :id AND action = 'payout.pending'
           AND actor_id IS NOT NULL LIMIT 1""",
        id=str(payout_id),
    )
    assert line.actor_id == caller.id


def test_a_new_account_gets_it_after_any_number_of_failures():
    organizer, payout_id = a_payout(BANK_AWAY)
    until_given_up(payout_id)
    before = asked(payout_id)
    set_account(organizer.id)
    assert (status(payout_id), asked(payout_id)) == ("pending", before + 1)
    assert payout_execution.execute(payout_id) == "completed"
    assert transfers(payout_id)[-1] == "7890"
    assert open_tasks(payout_id) == []


def test_a_payout_that_waits_for_an_account_is_sent_once_there_is_one():
    organizer, payout_id = a_payout(account=None)
    assert payout_execution.execute(payout_id) == "pending"
    assert retry(organizer, payout_id) == "pending"
    set_account(organizer.id)
    assert payout_execution.execute(payout_id) == "completed"


def begin(at: Gateways, payout_id: UUID) -> UUID:
    """Its transfer is written down, and the gateway has not heard of it."""
    at.fails("xendit", status=503, count=1000)
    with pytest.raises(GatewayUnavailable):
        payout_execution.execute(payout_id)
    at.behaves("xendit")
    [transfer] = rows("SELECT id FROM disbursements WHERE payout_id = :id", id=payout_id)
    transfer_id: UUID = transfer.id
    return transfer_id


def test_an_account_that_is_set_while_a_transfer_fails_gets_the_next_one(at: Gateways):
    organizer, payout_id = a_payout(REFUSED)
    transfer_id = begin(at, payout_id)
    set_account(organizer.id)
    assert status(payout_id) == "processing"
    assert transfer_sync.sync_transfer(transfer_id) == "pending"
    assert payout_execution.execute(payout_id) == "completed"
    assert transfers(payout_id) == ["9999", "7890"]


@pytest.mark.slow("a race of two, five times")
@pytest.mark.parametrize("_", range(5))
def test_a_new_account_and_a_failure_in_the_same_moment_lose_nothing(at: Gateways, _: int):
    organizer, payout_id = a_payout(REFUSED)
    transfer_id = begin(at, payout_id)
    at_the_same_time([lambda: set_account(organizer.id), lambda: transfer_sync.sync_transfer(transfer_id)])
    assert status(payout_id) == "pending"
    assert payout_execution.execute(payout_id) == "completed"


def test_the_mail_names_the_account_that_was_paid(at: Gateways):
    organizer, payout_id = a_payout()
    transfer_id = begin(at, payout_id)
    set_account(organizer.id, "5555550001")
    assert transfer_sync.sync_transfer(transfer_id) == "completed"
    with transaction() as tx:
        told = template_context.read_payout(tx, payout_id)
    assert (told.status, told.bank_code, told.account_number_ending) == ("completed", "BCA", "7890")
