"""Money that was given back at a gateway's dashboard before we heard that it had come in (I5)."""

import pytest

from shared.cloud.database import transaction
from shared.gateways.statuses import GatewayPaymentState
from shared.payments import records as payment_records
from shared.payments import status_handling
from shared.refunds import records as refund_records
from shared.sales import orders
from shared.sales.schemas import OrderResponse
from tests.factories import an_order
from tests.integration.refunds.sales import a_payment, a_status
from tests.integration.refunds.steps import open_tasks, rows
from tests.status_handling import handle_one

pytestmark = pytest.mark.usefixtures("database")
BACK = 5_000


def report_partly_refunded(order: OrderResponse) -> None:
    payment_id = a_payment(order.id)
    given_back = a_status(order.total_amount, state=GatewayPaymentState.PARTIALLY_REFUNDED, refunded_amount=BACK)
    with transaction() as tx:
        handle_one(tx, payment_id, given_back)


def cleared(order: OrderResponse) -> int:
    query = """
        SELECT COALESCE(sum(e.amount), 0) AS amount FROM ledger_entries e JOIN ledger_postings l ON l.id = e.posting_id
        WHERE l.order_id = :id AND e.account = 'gateway_clearing:xendit'
    """
    return int(rows(query, id=order.id)[0].amount)


def test_its_order_is_paid_and_what_went_back_is_booked():
    order = an_order()
    report_partly_refunded(order)
    with transaction() as tx:
        read = OrderResponse.read(tx, order.id)
    assert read.status == "paid"
    assert cleared(order) == order.total_amount - BACK
    assert "payment_partially_refunded" in open_tasks(read.payments[0].id)


def test_the_rest_is_owed_where_the_order_has_ended():
    order = an_order()
    payment_id = a_payment(order.id)
    with transaction() as tx:
        orders.cancel(tx, orders.lock(tx, order.id))
    given_back = a_status(order.total_amount, state=GatewayPaymentState.PARTIALLY_REFUNDED, refunded_amount=BACK)
    with transaction() as tx:
        handle_one(tx, payment_id, given_back)
    [owed] = rows("SELECT sum(amount) AS amount FROM refunds WHERE order_id = :id AND status = 'approved'", id=order.id)
    assert cleared(order) == order.total_amount - BACK
    assert owed.amount == order.total_amount - BACK


def test_an_invoice_that_no_payment_kept_is_no_different():
    order = an_order()
    payment_id = a_payment(order.id)
    with transaction() as tx:
        payment = payment_records.read(tx, payment_id)
    other = a_status(
        order.total_amount,
        external_id=payment.external_id,
        gateway_reference="another",
        state=GatewayPaymentState.PARTIALLY_REFUNDED,
        refunded_amount=BACK,
    )
    with transaction() as tx:
        status_handling.handle(tx, payment, [other])
    assert cleared(order) == order.total_amount - BACK


@pytest.mark.parametrize("has_ended", [False, True])
def test_all_of_it_given_back_buys_nothing_and_a_late_notification_changes_nothing(has_ended: bool):
    order = an_order()
    payment_id = a_payment(order.id)
    if has_ended:
        with transaction() as tx:
            orders.cancel(tx, orders.lock(tx, order.id))
    given_back = a_status(order.total_amount, state=GatewayPaymentState.REFUNDED, refunded_amount=order.total_amount)
    for reported in (given_back, a_status(order.total_amount), given_back):
        with transaction() as tx:
            handle_one(tx, payment_id, reported)
        with transaction() as tx:
            read = OrderResponse.read(tx, order.id)
        assert read.status == ("cancelled" if has_ended else "refunded")
        assert cleared(order) == 0
        assert not read.tickets
    owed = rows("SELECT 1 FROM refunds WHERE order_id = :id AND status IN ('approved', 'processing')", id=order.id)
    assert not owed


def test_what_one_payment_gave_back_too_much_keeps_no_other_from_going_back():
    order = an_order()
    payment_id = a_payment(order.id)
    with transaction() as tx:
        payment = payment_records.read(tx, payment_id)
        orders.cancel(tx, orders.lock(tx, order.id))
        handle_one(tx, payment_id, a_status(order.total_amount))
    with transaction() as tx:  # by us it goes back as well, to the buyer's bank account
        refund_records.record_gateway_refund(tx, payment_id, BACK, "xendit: PARTIALLY_REFUNDED")
        other = payment_records.add_duplicate(tx, payment, "a second one", can_be_paid=False)
    with transaction() as tx:
        handle_one(tx, other.id, a_status(order.total_amount, gateway_reference="a second one"))
    owed = rows("SELECT amount FROM refunds WHERE order_id = :id AND status = 'approved'", id=order.id)
    assert [row.amount for row in owed] == [order.total_amount, order.total_amount]
