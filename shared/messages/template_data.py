"""The data that mail templates show. Amounts in rupiah; times in words, in the event's zone and the mail's language."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class BankAccount:
    """The bank account that somebody's money goes to, since when, and not before; `freeze_url` stops it."""

    bank_code: str
    ending: str
    owner_name: str
    set_at: str
    waits_until: str | None
    freeze_url: str


@dataclass(frozen=True)
class Event:
    """The place and the time: `when` is one or two lines."""

    title: str
    when: Sequence[str]
    where: str


@dataclass(frozen=True)
class Line:
    """A quantity of a tier at one price, each unit with its own fee."""

    tier_name: str
    quantity: int
    unit_price: int
    platform_fee: int


@dataclass(frozen=True)
class Payment:
    """The ways in which the buyer can pay now, and until when."""

    method: str
    amount: int
    va_number: str | None
    biller_code: str | None
    redirect_url: str | None
    deadline: str


@dataclass(frozen=True)
class Order:
    """An order as its buyer knows it."""

    id: UUID
    status: str
    buyer_name: str
    event: Event
    lines: Sequence[Line]
    discount_amount: int
    total_amount: int
    deadline: str
    payment: Payment | None
    is_vetted: bool = True
    """Its attendees may read what the organizer wrote (IS_VETTED)."""


@dataclass(frozen=True)
class Refund:
    """Money on its way back. `amount` in rupiah."""

    amount: int
    reason: str
    rejection_reason: str | None
    method: str | None
    status: str


@dataclass(frozen=True)
class Payout:
    """Money for an organizer, and the bank account that its last transfer went to. `amount` in rupiah."""

    amount: int
    status: str
    event_title: str
    organizer_name: str
    bank_code: str | None
    account_number_ending: str | None


@dataclass(frozen=True)
class SoldEvent:
    """An organizer's event, how many of its units are sold, and of how many; `amount` (rupiah) of the sales told."""

    id: UUID
    title: str
    orders: int
    items: int
    amount: int
    sold: int
    quota: int


@dataclass(frozen=True)
class Ticket:
    """A ticket that is still good; `pdf_object` is where its PDF is stored."""

    id: UUID
    tier_name: str
    attendee_name: str
    pdf_object: str | None


@dataclass(frozen=True)
class GoodsLine:
    """A quantity of a tier: tickets, pieces of a product, or units of a digital good."""

    tier_name: str
    quantity: int


@dataclass(frozen=True)
class Change:
    """One thing that has changed of an event: `title`, `when`, `where` or `tier`, before and after, in words."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Goods:
    """The products of an order that are handed over for the pickup code, and those that are shown with the order."""

    pickup_code: str | None
    products: Sequence[GoodsLine]
    digital: Sequence[GoodsLine]
