"""Money that needs two things is sent by whichever comes second, and waits for no repair."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import text

from infra.local.postgres import Postgres
from shared.cloud.database import transaction
from shared.gateways.errors import GatewayError
from shared.payouts import bank_account_checks, bank_accounts, creation
from shared.payouts import execution as payout_execution
from shared.refunds import approval
from shared.refunds import execution as refund_execution
from shared.refunds import requests as refund_requests
from shared.refunds.requests import RefundRequest
from tests.conftest import EXPLORES
from tests.factories import a_user, an_event
from tests.integration.refunds.sales import a_paid_order
from tests.integration.refunds.steps import let_it_be_over, rows, set_account
from tests.model.gateways import Gateways, gateways
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database", "at")

REPETITIONS = 100 if EXPLORES else 8
REFUSED = "0000999999"


@pytest.fixture(scope="module")
def at(postgres: Postgres, database: str) -> Iterator[Gateways]:
    """Both gateways."""
    with gateways(postgres, "second_comer_gateways") as served:
        yield served


def newest_message() -> int:
    [row] = rows("SELECT COALESCE(max(id), 0) AS id FROM outbox")
    return int(row.id)


def deliver(since: int) -> None:
    """Hand on what was said since then, until nobody says anything more."""
    acts = {
        "refund.approved": ("refund_id", refund_execution.execute),
        "payout.requested": ("payout_id", payout_execution.execute),
    }
    while found := rows("SELECT id, topic, payload FROM outbox WHERE id > :since ORDER BY id", since=since):
        for row in found:
            since = row.id
            if row.topic in acts:
                field, act = acts[row.topic]
                act(UUID(row.payload[field]))


def an_approved_refund() -> tuple[UUID, UUID]:
    """A refund of a virtual account's payment, and its buyer, who has no bank account yet."""
    with transaction() as tx:
        event, buyer, admin = an_event(tx), a_user(tx), a_user(tx, role="admin")
    order = a_paid_order(event, buyer=buyer, method="BCA")
    with transaction() as tx:
        asked = refund_requests.request(tx, buyer.id, RefundRequest(order_id=order.id, reason="Sakit"))
        approval.approve(tx, admin, asked.id)
    return asked.id, buyer.id


def status(table: str, row_id: UUID) -> str:
    [row] = rows(f"SELECT status FROM {table} WHERE id = :id", id=row_id)
    return str(row.status)


@pytest.mark.slow("a race of two, eight times")
def test_a_refund_and_the_bank_account_it_waits_for_in_the_same_instant():
    left = []
    for _ in range(REPETITIONS):
        refund_id, buyer_id = an_approved_refund()
        before = newest_message()
        at_the_same_time(
            [lambda about=refund_id: refund_execution.execute(about), lambda about=buyer_id: set_account(about)]
        )
        deliver(before)
        left.append(status("refunds", refund_id))
    assert left == ["completed"] * REPETITIONS


@pytest.mark.slow("a race of two, eight times")
def test_a_transfer_that_fails_and_a_new_account_in_the_same_instant(at: Gateways):
    left = []
    for _ in range(REPETITIONS):
        refund_id, buyer_id = an_approved_refund()
        set_account(buyer_id, REFUSED)
        at.fails("xendit", status=503, count=1000)
        with pytest.raises(GatewayError):
            refund_execution.execute(refund_id)
        at.behaves("xendit")
        before = newest_message()
        at_the_same_time(
            [lambda about=refund_id: refund_execution.execute(about), lambda about=buyer_id: set_account(about)]
        )
        deliver(before)
        left.append(status("refunds", refund_id))
    assert left == ["completed"] * REPETITIONS


def test_a_transfer_that_fails_after_another_account_was_set_goes_there(at: Gateways):
    refund_id, buyer_id = an_approved_refund()
    set_account(buyer_id, REFUSED)
    at.fails("xendit", status=503, count=1000)
    with pytest.raises(GatewayError):
        refund_execution.execute(refund_id)
    at.behaves("xendit")
    set_account(buyer_id)
    before = newest_message()
    refund_execution.execute(refund_id)
    deliver(before)
    assert status("refunds", refund_id) == "completed"


def an_account_being_checked(user_id: UUID) -> UUID:
    """An account whose bank has not said yet whose it is."""
    set_account(user_id)
    with transaction() as tx:
        account = bank_accounts.current(tx, user_id)
        assert account
        tx.execute(text("UPDATE bank_accounts SET status = 'checking' WHERE id = :id"), {"id": account.id})
    return account.id


def confirm(account_id: UUID) -> None:
    """The bank says that the account is its owner's."""
    with transaction() as tx:
        bank_account_checks.decide(tx, account_id, "verified")


@pytest.mark.slow("a race of two, eight times")
def test_a_refund_and_the_bank_s_word_in_the_same_instant():
    left = []
    for _ in range(REPETITIONS):
        refund_id, buyer_id = an_approved_refund()
        account_id = an_account_being_checked(buyer_id)
        before = newest_message()
        at_the_same_time(
            [lambda about=refund_id: refund_execution.execute(about), lambda about=account_id: confirm(about)]
        )
        deliver(before)
        left.append(status("refunds", refund_id))
    assert left == ["completed"] * REPETITIONS


@pytest.mark.slow("a race of two, eight times")
def test_a_payout_that_is_made_and_the_bank_s_word_in_the_same_instant():
    left = []
    for _ in range(30):
        with transaction() as tx:
            event = an_event(tx)
        account_id = an_account_being_checked(event.organizer_id)
        a_paid_order(event)
        let_it_be_over(event.id)
        before = newest_message()

        def make_and_send(event=event) -> None:
            with transaction() as tx:
                made = creation.create(tx, event.id, event.organizer_id)
            assert made
            payout_execution.execute(made)

        at_the_same_time([make_and_send, lambda about=account_id: confirm(about)])
        deliver(before)
        [payout] = rows("SELECT id FROM payouts WHERE event_id = :id", id=event.id)
        left.append(status("payouts", payout.id))
    assert left == ["completed"] * 30
