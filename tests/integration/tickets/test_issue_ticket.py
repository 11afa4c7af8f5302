"""The endpoint of issuing: four failures are tried again, the fifth goes to a person and the buyer is told (PS-023)."""

from uuid import uuid4

import pytest
from google.api_core.exceptions import ServiceUnavailable
from sqlalchemy import text

from functions.issue_ticket.main import PaidOrder, issue_again, issue_paid
from shared.cloud.database import transaction
from shared.problems import NotFound
from tests.factories import an_order

pytestmark = pytest.mark.usefixtures("database")


def mails_about(order):
    with transaction() as tx:
        return tx.execute(text("SELECT template FROM emails WHERE order_id = :id"), {"id": order.id}).scalars().all()


@pytest.mark.parametrize("deliver", [issue_paid, issue_again])
def test_after_five_failures_the_buyer_and_the_attendee_are_told_of_the_delay(files, deliver):
    order = an_order(paid=True)
    files.breaks_after = 0
    for attempt in range(1, 5):
        with pytest.raises(ServiceUnavailable):
            deliver(PaidOrder(order_id=order.id), attempt)
    assert mails_about(order) == []
    deliver(PaidOrder(order_id=order.id), 5)
    assert mails_about(order) == ["ticket_delayed"] * 2


def test_a_try_after_the_delay_still_issues(files):
    order = an_order(paid=True)
    files.breaks_after = 0
    issue_paid(PaidOrder(order_id=order.id), 5)
    files.breaks_after = None
    issue_again(PaidOrder(order_id=order.id), 1)
    with transaction() as tx:
        assert tx.execute(text("SELECT tickets_issued_at FROM orders WHERE id = :id"), {"id": order.id}).scalar_one()


def test_an_order_that_does_not_exist_ends_in_the_dead_letter_topic():
    with pytest.raises(NotFound):
        issue_paid(PaidOrder(order_id=uuid4()), 5)
