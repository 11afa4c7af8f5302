"""Unique codes (ISO-3): off by default; where on, no two open payments have the same amount."""

from uuid import UUID

import pytest
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.cloud.settings import settings
from shared.payments import records as payment_records
from shared.payments.status_handling import StatusOutcome
from shared.sales import orders
from tests.factories import a_tier, an_event, an_order
from tests.integration.refunds.sales import a_status
from tests.status_handling import handle_one
from tests.threads import at_the_same_time

pytestmark = pytest.mark.usefixtures("database")

PRICE = 100_000
TOTAL = 107_500


@pytest.fixture
def unique_codes(database: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNIQUE_CODES", "on")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def open_payment(order_id: UUID) -> payment_records.Payment:
    with transaction() as tx:
        order = orders.lock(tx, order_id)
        return payment_records.add(
            tx, order, gateway="xendit", method="QRIS", amount=TOTAL, expires_at=orders.start_payment(tx, order)
        )


def test_they_are_off_by_default():
    assert open_payment(an_order().id).amount == TOTAL


def test_payments_of_one_price_that_are_open_at_once_differ(unique_codes):
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(price=PRICE, quota=100)])
    made = [an_order(event).id for _ in range(20)]
    opened = at_the_same_time([lambda order_id=order_id: open_payment(order_id) for order_id in made])
    amounts = {payment.amount for payment in opened}
    assert len(amounts) == 20
    assert all(TOTAL + 1 <= amount <= TOTAL + 999 for amount in amounts)


def test_what_the_code_adds_is_booked_apart(unique_codes):
    order = an_order()
    payment = open_payment(order.id)
    with transaction() as tx:
        assert handle_one(tx, payment.id, a_status(payment.amount)) is StatusOutcome.PAID
    with transaction() as tx:
        booked = tx.execute(
            text("""
                SELECT e.amount FROM ledger_entries e JOIN ledger_postings p ON p.id = e.posting_id
                WHERE p.order_id = :id AND e.account = 'payment_differences'
            """),
            {"id": order.id},
        ).scalar_one()
    assert booked == TOTAL - payment.amount
