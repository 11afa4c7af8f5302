"""Quotes: the price of an order before it is made."""

from shared.problems import NotFound
from shared.sales import quotes
from shared.sales.inventory import SoldOut
from shared.sales.order_pricing import SaleClosed, TooManyTickets
from shared.sales.promos import PromoExhausted, PromoInvalid
from shared.sales.purchase_limits import HoldCooldown, PersonLimitReached
from shared.sales.quotes import QuoteResponse
from shared.sales.reservation_requests import ReservationBody
from shared.web import QUOTES, App, Viewer

routes = App("orders")

NOT_FOR_SALE = (NotFound, SoldOut, SaleClosed, TooManyTickets)
NOT_FOR_THEM = (PromoInvalid, PromoExhausted, PersonLimitReached, HoldCooldown)


@routes.post("/orders/quote", limit=QUOTES, problems=(*NOT_FOR_SALE, *NOT_FOR_THEM))
def quote(request: ReservationBody, viewer: Viewer) -> QuoteResponse:
    """Calculate the price of an order now, with fees and promo code, line by line. Nothing is held.

    It is refused as `orders/reserve` would refuse it. Without sign-in, limits per person are not checked.
    """
    return quotes.quote(request, viewer.id if viewer else None)
