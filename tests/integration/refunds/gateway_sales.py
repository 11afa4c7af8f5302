"""Sales that were paid at a simulated gateway, for what becomes of their money there."""

from dataclasses import dataclass
from typing import Any

from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.payments import checkout, sync
from shared.payments.status_handling import StatusOutcome
from shared.refunds import approval
from shared.refunds import requests as refund_requests
from shared.refunds.requests import RefundRequest
from shared.sales.schemas import OrderResponse, PaymentResponse
from tests.factories import a_tier, a_user, add_tickets, an_event, reserve
from tests.integration.refunds.steps import rows, set_account
from tests.model.gateways import Gateways

PAID, BACK = 107_500, 90_000
"""Rupiah: a ticket of 100.000 with its fee, and what of it goes back at its buyer's wish."""


@dataclass(frozen=True)
class Sale:
    """An order that was paid at its gateway."""

    at: Gateways
    organizer: Principal
    buyer: Principal
    order: OrderResponse
    payment: PaymentResponse

    def request_refund(self) -> refund_requests.RefundResponse:
        with transaction() as tx:
            return refund_requests.request(tx, self.buyer.id, RefundRequest(order_id=self.order.id, reason="Sakit"))

    def approve(self, refund: refund_requests.RefundResponse) -> None:
        with transaction() as tx:
            approval.approve(tx, self.organizer, refund.id)

    def approved(self) -> refund_requests.RefundResponse:
        refund = self.request_refund()
        self.approve(refund)
        return refund

    def at_the_dashboard(self, action: str, **how: Any) -> None:
        self.at.does(self.payment.gateway, str(self.payment.gateway_reference), action, **how)

    def moved(self) -> int:
        """The rest of the money, by the movements that the gateways report."""
        transfers = "SELECT id FROM disbursements d WHERE d.refund_id IN (SELECT id FROM refunds WHERE order_id = :id)"
        mine = {str(row.id) for row in rows(transfers, id=self.order.id)}
        by_transfer = sum(amount for name, amount in self.at.moved("xendit").items() if name in mine)
        by_gateway = self.at.moved(self.payment.gateway).items()
        return by_transfer + sum(amount for name, amount in by_gateway if name.startswith(str(self.order.id)))


def a_sale(
    at: Gateways,
    gateway: str = "xendit",
    method: str = "QRIS",
    price: int = 100_000,
    quantity: int = 1,
    channel: str | None = None,
) -> Sale:
    sale = an_order(at, gateway, method, price, quantity)
    sale.at_the_dashboard("pay", channel=channel)
    assert sync.sync_payment(sale.payment.id) is StatusOutcome.PAID
    add_tickets(sale.order.id)
    return sale


def an_order(
    at: Gateways, gateway: str = "xendit", method: str = "QRIS", price: int = 100_000, quantity: int = 1
) -> Sale:
    """An order that can be paid."""
    with transaction() as tx:
        event, buyer = an_event(tx, tiers=[a_tier(price=price)]), a_user(tx)
    order = reserve(buyer, event, [quantity])
    assert isinstance(order, OrderResponse), order
    wanted = checkout.CheckoutRequest(payment_method=method, gateway=gateway)
    [payment] = checkout.checkout(buyer.id, order.id, wanted).payments
    return Sale(at, Principal(event.organizer_id, "organizer", event.organizer_id), buyer, order, payment)


def with_account(sale: Sale) -> Sale:
    set_account(sale.buyer.id)
    return sale
