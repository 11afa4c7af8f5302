"""Reserve tickets for a signed-in buyer (TS-002, TS-006, TS-009, ISO-1)."""

from shared.cloud import cache
from shared.cloud.request_batching import RequestBatcher
from shared.problems import NotFound, Problem
from shared.sales import expiry, inventory, reservations
from shared.sales.inventory import SoldOut
from shared.sales.order_pricing import SaleClosed, TooManyTickets
from shared.sales.promos import PromoExhausted, PromoInvalid
from shared.sales.purchase_limits import HoldCooldown, PersonLimitReached
from shared.sales.registrations import AlreadyRegistered
from shared.sales.reservation_requests import ReservationBody, ReservationRequest
from shared.sales.reservations import AlreadyReserved
from shared.sales.schemas import OrderResponse
from shared.web import App, Buyer, IdempotencyKey

app = App("reserve")

reserve_together = RequestBatcher(reservations.reserve)


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
    ),
)
def hold_tickets(request: ReservationBody, buyer: Buyer, key: IdempotencyKey) -> OrderResponse:
    """Hold tickets for 15 minutes, all of them or none."""
    outcome = reserve_together(ReservationRequest(buyer.id, request, key))
    if isinstance(outcome, Problem):
        raise outcome
    expiry.schedule_expiry(outcome.reservation_expires_at)
    cache.invalidate(inventory.cache_mark(outcome.event_id))
    return outcome


main = app.entry_point()
