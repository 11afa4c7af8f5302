"""The sales report, field by field; what each figure counts is said in `figures`."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from shared.models import ResponseModel
from shared.reports import figures
from shared.reports.report_card import ReportCard
from shared.states import PaymentStatus, TierKind


class StockFigures(ResponseModel):
    """The stock as it is now, whatever the period."""

    quota: Annotated[int, figures.QUOTA.field]
    held: Annotated[int, figures.HELD.field]
    available: Annotated[int, figures.AVAILABLE.field]


class SalesFigures(ResponseModel):
    """Sales of the period; money in rupiah."""

    sold: Annotated[int, figures.SOLD.field]
    refunded: Annotated[int, figures.REFUNDED.field]
    gross: Annotated[int, figures.GROSS.field]
    discount: Annotated[int, figures.DISCOUNT.field]
    platform_discount: Annotated[int, figures.PLATFORM_DISCOUNT.field]
    fees: Annotated[int, figures.FEES.field]
    waived_fees: Annotated[int, figures.WAIVED_FEES.field]
    commission: Annotated[int, figures.COMMISSION.field]


class EarningsFigures(SalesFigures):
    """Sales, and what is left of them. Null where one tier is asked for: a refund is booked for all tiers at once."""

    refunded_amount: Annotated[int | None, figures.REFUNDED_AMOUNT.field]
    organizer_refunds: Annotated[int | None, figures.ORGANIZER_REFUNDS.field]
    penalty: Annotated[int | None, figures.PENALTY.field]
    net: Annotated[int | None, figures.NET.field]


class Totals(StockFigures, EarningsFigures):
    """All tiers together, or the one that was asked for."""


class TierSales(StockFigures, SalesFigures):
    """A tier (AR-002). `price` is the regular one, in rupiah."""

    tier_id: UUID
    name: str
    kind: TierKind
    price: int


class PeriodSales(EarningsFigures):
    """The sales of a day, week or month that begins on `period`, in the event's zone (AR-003)."""

    period: date


class PaymentsByStatus(ResponseModel):
    """Payments in a state (AR-005); money in rupiah."""

    status: PaymentStatus
    payments: Annotated[int, figures.PAYMENTS.field]
    amount: Annotated[int, figures.ASKED.field]
    received: Annotated[int, figures.RECEIVED.field]


class PaymentsByMethod(ResponseModel):
    """Payments by which money came in; `method` is as the buyer chose it (`ANY`: the gateway's own page)."""

    method: str
    gateway: str
    payments: Annotated[int, figures.PAYMENTS.field]
    received: Annotated[int, figures.RECEIVED.field]


class Funnel(ResponseModel):
    """The number of orders by how far they came."""

    reserved: Annotated[int, figures.RESERVED_ORDERS.field]
    open: Annotated[int, figures.OPEN_ORDERS.field]
    paid: Annotated[int, figures.PAID_ORDERS.field]
    expired: Annotated[int, figures.EXPIRED_ORDERS.field]
    cancelled: Annotated[int, figures.CANCELLED_ORDERS.field]


class CheckIns(ResponseModel):
    """The number of people let in, at any time."""

    tickets: Annotated[int, figures.VALID_TICKETS.field]
    checked_in: Annotated[int, figures.CHECKED_IN.field]


class SalesReport(ResponseModel):
    """An event's sales. Money in rupiah; `as_of` is when they were read. Periods without a movement are left out."""

    event_id: UUID
    currency: Literal["IDR"]
    timezone: str
    as_of: datetime
    totals: Totals
    tiers: list[TierSales]
    by_day: list[PeriodSales]
    by_week: list[PeriodSales]
    by_month: list[PeriodSales]
    payment_status: list[PaymentsByStatus]
    payment_methods: list[PaymentsByMethod]
    funnel: Funnel
    check_ins: CheckIns
    report_card: ReportCard
