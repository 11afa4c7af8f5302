"""Start to pay an order at Xendit or Midtrans (PS-001..004, MID-1, TRACK)."""

from uuid import UUID

from shared.payments import checkout
from shared.payments.checkout import AttendeesMissing, CheckoutInProgress, PaymentInReview, PaymentRefused
from shared.payments.payment_options import AmountAboveLimit
from shared.problems import NotFound, TryAgain
from shared.sales.orders import NotPayable, ReservationExpired
from shared.sales.registrations import AlreadyRegistered
from shared.sales.schemas import OrderResponse, PaymentResponse
from shared.web import App, Buyer

app = App("checkout")

REFUSALS = (
    NotFound,
    ReservationExpired,
    NotPayable,
    AttendeesMissing,
    AlreadyRegistered,
    CheckoutInProgress,
    PaymentInReview,
    PaymentRefused,
    AmountAboveLimit,
    TryAgain,
)


@app.post("/orders/{order_id}/checkout", idempotent=True, problems=REFUSALS)
def start_payment(order_id: UUID, request: checkout.CheckoutRequest, buyer: Buyer) -> OrderResponse:
    """Start the payment of an order by a method, within 30 minutes from the reservation.

    An order of Rp 0 is paid at once. If the gateway does not answer (503), `alternative` names another one and its
    payment methods, the most similar first.
    """
    return checkout.checkout(buyer.id, order_id, request)


@app.post("/payments/create-invoice", status=201, idempotent=True, problems=REFUSALS)
def create_invoice(request: checkout.InvoiceRequest, buyer: Buyer) -> PaymentResponse:
    """Start another payment within the hold, with any method or gateway. The previous payment is cancelled."""
    return checkout.retry_payment(buyer.id, request)


main = app.entry_point()
