"""The delivery of the mail with each ticket, as the organizer's list of attendees shows it (NS-008)."""

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.messages import mails
from shared.sales import ticket_mails
from shared.sales.schemas import OrderResponse
from tests.integration.refunds.sales import a_paid_order

pytestmark = pytest.mark.usefixtures("database")


def statuses(order: OrderResponse) -> list[str]:
    with transaction() as tx:
        found = ticket_mails.statuses(tx, [item.id for item in order.items])
    return [found[item.id] for item in order.items if item.id in found]


def test_each_ticket_has_the_state_of_the_last_mail_to_its_holder():
    order = a_paid_order(quantities=(2,))
    assert statuses(order) == []
    with transaction() as tx:
        mails.enqueue_e_tickets(tx, order.id)
    assert statuses(order) == ["queued", "queued"]
    with transaction() as tx:
        tx.execute(
            text("UPDATE emails SET status = 'bounced' WHERE order_id = :id AND to_address = 'peserta2@example.com'"),
            {"id": order.id},
        )
    assert statuses(order) == ["queued", "bounced"]
