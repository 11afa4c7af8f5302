"""End reservations on time, and payments of what has ended at their gateway (TS-007)."""

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
    """A task that says it all by being due."""


@app.task("expire")
def end_due(_: Nothing) -> None:
    """End everything whose time is over, a few seconds after it is."""
    expiry.expire_all_due()


@app.job("sweep")
def sweep() -> None:
    """The same every five minutes, for what a lost task left behind."""
    expiry.expire_all_due()


@app.message("order.ended")
def close_payments(message: OrderEnded) -> None:
    """Close what an ended order left open."""
    payment_expiry.expire_payments(message.order_id)


@app.message("payment.closing")
def close_payment(message: PaymentClosing) -> None:
    """Have the gateway take no more money for it."""
    payment_expiry.cancel_at_gateway(message.payment_id)


main = app.entry_point()
