"""Reserve tickets for a signed-in buyer (TS-002, TS-006, TS-009, ISO-1)."""

from shared.problems import NotFound
from shared.sales import queue_passes, reservations
from shared.sales.inventory import SoldOut
from shared.sales.order_pricing import SaleClosed, TooManyTickets
from shared.sales.promos import PromoExhausted, PromoInvalid
from shared.sales.purchase_limits import HoldCooldown, PersonLimitReached
from shared.sales.queue_passes import QueuePassRequired, QueuePassUsed
from shared.sales.registrations import AlreadyRegistered
from shared.sales.reservation_requests import ReservationBody, ReservationRequest
from shared.sales.reservations import AlreadyReserved
from shared.sales.schemas import OrderResponse
from shared.web import App, Buyer, IdempotencyKey

app = App("reserve")


@app.post(
    "/orders/reserve",
    status=201,
    idempotent=True,
    problems=(
        NotFound,
        SoldOut,
        AlreadyReserved,
        AlreadyRegistered,
        SaleClosed,
        TooManyTickets,
        PromoInvalid,
        PromoExhausted,
        PersonLimitReached,
        HoldCooldown,
        QueuePassRequired,
        QueuePassUsed,
    ),
)
def reserve(request: ReservationBody, buyer: Buyer, key: IdempotencyKey) -> OrderResponse:
    """Hold tickets for 15 minutes, all of them or none."""
    queue_pass = queue_passes.read(request.queue_pass) if request.queue_pass else None
    return reservations.hold(ReservationRequest(buyer.id, request, key, queue_pass))


main = app.entry_point()
