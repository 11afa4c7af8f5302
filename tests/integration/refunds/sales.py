"""Orders that were paid through a gateway, without the gateway: what handling its status leaves behind."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.cloud.database import transaction
from shared.gateways.statuses import GatewayPaymentState, GatewayPaymentStatus
from shared.identity.tokens import Principal
from shared.payments import records as payment_records
from shared.sales import orders
from shared.sales.schemas import OrderResponse
from tests.factories import Event, add_tickets, an_order
from tests.status_handling import handle_one


def a_paid_order(
    event: Event | None = None,
    *,
    buyer: Principal | None = None,
    quantities: Sequence[int] = (1,),
    promo_code: str | None = None,
    gateway: str = "xendit",
    method: str = "QRIS",
) -> OrderResponse:
    """An order that was paid and booked; its tickets are rows without a PDF."""
    order = an_order(event, buyer=buyer, quantities=quantities, promo_code=promo_code)
    payment_id = a_payment(order.id, gateway, method)
    with transaction() as tx:
        handle_one(tx, payment_id, a_status(order.total_amount))
    add_tickets(order.id)
    with transaction() as tx:
        return OrderResponse.read(tx, order.id)


def a_payment(order_id: UUID, gateway: str = "xendit", method: str = "QRIS") -> UUID:
    """A try to pay that its gateway has opened."""
    with transaction() as tx:
        order = orders.lock(tx, order_id)
        deadline = orders.start_payment(tx, order)
        payment = payment_records.add(
            tx, order, gateway=gateway, method=method, amount=order.total_amount, expires_at=deadline
        )
        tx.execute(
            text("UPDATE payments SET status = 'pending', gateway_reference = :ref WHERE id = :id"),
            {"id": payment.id, "ref": f"gw-{payment.external_id}"},
        )
    return payment.id


def a_status(amount: int, **said: Any) -> GatewayPaymentStatus:
    """The gateway says that so much has come in, unless told otherwise."""
    values: dict[str, Any] = {
        "gateway": "xendit",
        "external_id": "",
        "gateway_reference": "",
        "state": GatewayPaymentState.PAID,
        "amount": amount,
        "paid_amount": amount,
        "currency": "IDR",
        "channel": None,
        "transaction_id": None,
        "paid_at": datetime.now(UTC),
        "refunded_amount": 0,
        "raw_status": "PAID",
    }
    return GatewayPaymentStatus(**{**values, **said})
