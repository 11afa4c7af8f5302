"""Quotes: the price of an order, line by line, without holding stock or writing anything (TS-005, TS-006).

It is priced by the code that prices reservations, so an order made at the same moment costs the same.
"""

from uuid import UUID

from shared.models import ResponseModel
from shared.problems import Problem
from shared.sales import order_pricing
from shared.sales.order_creation import NewOrderItem, Totals
from shared.sales.reservation_requests import PurchaseRequest, ReservationBody


class QuoteLine(ResponseModel):
    """The units of one tier, in rupiah: the price of one, and their totals.

    A `waived_fee` is paid by the issuer of the promo code: then `platform_fee` is without it.
    """

    tier_id: UUID
    tier_name: str
    quantity: int
    unit_price: int
    subtotal: int
    discount: int
    platform_fee: int
    waived_fee: int
    total: int


class QuoteResponse(ResponseModel):
    """The price of an order at this moment, in rupiah, with one line per tier."""

    event_id: UUID
    lines: list[QuoteLine]
    subtotal: int
    discount_amount: int
    platform_fee: int
    total_amount: int
    currency: str = "IDR"
    promo_code: str | None


def quote(body: ReservationBody, buyer_id: UUID | None = None) -> QuoteResponse:
    """Price a purchase. The limits per person are checked where `buyer_id` is known.

    Raises what a reservation is refused with before it is tried: NotFound, SaleClosed, TooManyTickets, SoldOut,
    PromoInvalid, PromoExhausted, PersonLimitReached and HoldCooldown.
    """
    request = PurchaseRequest(buyer_id, body)
    [priced] = order_pricing.price([request])
    if isinstance(priced, Problem):
        raise priced
    totals = Totals.of(priced.items)
    by_tier: dict[UUID, list[NewOrderItem]] = {}
    for item in priced.items:
        by_tier.setdefault(item.tier.id, []).append(item)
    return QuoteResponse(
        event_id=body.event_id,
        lines=[_line(items) for items in by_tier.values()],
        subtotal=totals.subtotal,
        discount_amount=totals.discount_amount,
        platform_fee=totals.platform_fee,
        total_amount=totals.total_amount,
        promo_code=priced.discount.code if priced.discount else None,
    )


def _line(items: list[NewOrderItem]) -> QuoteLine:
    totals = Totals.of(items)
    first = items[0]
    return QuoteLine(
        tier_id=first.tier.id,
        tier_name=first.tier.name,
        quantity=len(items),
        unit_price=first.price.price,
        subtotal=totals.subtotal,
        discount=totals.discount_amount,
        platform_fee=totals.platform_fee,
        waived_fee=sum(item.price.waived_fee for item in items),
        total=totals.total_amount,
    )
