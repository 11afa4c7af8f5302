"""Expiry of reservations, and of the payments of ended orders at their gateway (TS-007)."""

from uuid import UUID

from shared.models import Payload
from shared.payments import payment_expiry
from shared.sales import expiry
from shared.web import App

app = App("expire")


class OrderEnded(Payload):
    """An order that was being paid has expired or was cancelled."""

    order_id: UUID


class PaymentClosing(Payload):
    """A payment that must not be paid any more."""

    payment_id: UUID


class Nothing(Payload):
    """A task without payload."""


@app.task("expire")
def end_due(_: Nothing) -> None:
    """Expire all overdue orders, a few seconds after they are due."""
    expiry.expire_all_due()


@app.job("sweep")
def sweep() -> None:
    """Every minute: expire overdue orders whose task was lost."""
    expiry.expire_all_due()


@app.message("order.ended")
def close_payments(message: OrderEnded) -> None:
    """Cancel the open payments of an ended order."""
    payment_expiry.expire_payments(message.order_id)


@app.message("payment.closing")
def close_payment(message: PaymentClosing) -> None:
    """Cancel a payment at its gateway."""
    payment_expiry.cancel_at_gateway(message.payment_id)


main = app.entry_point()
