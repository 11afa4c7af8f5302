"""The view of an order: one state for each order, found from our own records alone (PS-004).

reserved     tickets are held, nothing was tried yet; or what was tried has failed
preparing    the gateway is being asked for a payment
pay          a payment waits: a QR code, a number, or the gateway's own page
checking     we do not know yet: never called failed
short        less was received than was due; the rest can be paid
review       what came in waits for a person
issuing      paid, tickets are being made
paid         paid, and all there
returning    everything was given back, its money is on its way
late_money   the money came after the hold had ended, and goes back
money_back   the order has ended otherwise with money in it, which goes back
expired, cancelled, event_cancelled, refunded
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.catalog.events import EventResponse
from shared.catalog.tiers import TierResponse
from shared.gateways import names
from shared.refunds.schemas import RefundResponse
from shared.sales.schemas import OrderItemResponse, OrderResponse, OrderTicketResponse, PaymentResponse
from shared.sales.ticket_mails import UNDELIVERED
from shared.states import EventStatus, OrderStatus, PaymentStatus, RefundKind, RefundStatus, TicketStatus, TierKind

State = Literal[
    "reserved",
    "failed",
    "preparing",
    "pay_qr",
    "pay_va",
    "pay_redirect",
    "checking",
    "short",
    "review",
    "issuing",
    "paid",
    "returning",
    "expired",
    "late_money",
    "money_back",
    "cancelled",
    "event_cancelled",
    "refunded",
]
_WITH_TICKET = (TierKind.TICKET, TierKind.REGISTRATION)
_GIVEN_BACK = (RefundStatus.APPROVED, RefundStatus.PROCESSING, RefundStatus.COMPLETED, RefundStatus.FAILED)


@dataclass(frozen=True)
class Line:
    """The units of one tier in an order, at one price in rupiah."""

    name: str
    quantity: int
    unit_price: int


@dataclass(frozen=True)
class OrderView:
    """An order as its page shows it."""

    order: OrderResponse
    event: EventResponse
    refunds: list[RefundResponse]
    at: datetime
    tiers: dict[str, TierResponse] = field(default_factory=dict)
    are_goods_issued: bool = True

    @property
    def state(self) -> State:
        """The one thing that is true of it now."""
        status = self.order.status
        if status in (OrderStatus.RESERVED, OrderStatus.PENDING_PAYMENT):
            return self._live_state
        if status == OrderStatus.EXPIRED or status == OrderStatus.CANCELLED:
            return self._ended_state
        if self.event.status == EventStatus.CANCELLED:
            return "event_cancelled"
        if status == OrderStatus.REFUNDED:
            return "refunded"
        if self._is_given_back:
            return "returning"
        return "paid" if self._is_issued else "issuing"

    @property
    def _live_state(self) -> State:
        if self.received_amount and not self._is_short:
            return "review"
        if self.order.reservation_expires_at <= self.at:
            return "checking" if self.order.payments else "expired"
        if self.open and self.open.is_opening:
            return "preparing"
        if self.open and not self.silent_gateway:
            return _payment_state(self.open)
        if self._is_short:
            return "short"
        return "failed" if self.order.payments and not self.open else "reserved"

    @property
    def _ended_state(self) -> State:
        if any(each.kind == RefundKind.UNUSABLE_PAYMENT for each in self.refunds):
            return "late_money"
        if self.received_amount:
            return "money_back" if self.refunds else "late_money"
        if self.event.status == EventStatus.CANCELLED:
            return "event_cancelled"
        return "expired" if self.order.status == OrderStatus.EXPIRED else "cancelled"

    @property
    def received_amount(self) -> int:
        """The rupiah that have come in for it, whatever became of them."""
        return sum(each.received_amount or 0 for each in self.order.payments)

    @property
    def _is_short(self) -> bool:
        return 0 < self.order.amount_missing < self.order.total_amount

    @property
    def open(self) -> PaymentResponse | None:
        """The payment that waits to be paid."""
        return next((each for each in reversed(self.order.payments) if each.status == PaymentStatus.PENDING), None)

    @property
    def silent_gateway(self) -> str | None:
        """The gateway that was asked for a payment in vain: nothing that could be paid was shown yet."""
        is_silent = self.open and not self.open.gateway_reference and not self.open.is_opening
        return self.open.gateway if self.open and is_silent else None

    @property
    def replaced_gateway(self) -> str | None:
        """The gateway that did not answer, where another one took the payment over that waits now (FAILOVER-1)."""
        if self.open is None or self.silent_gateway:
            return None
        before = self.order.payments[: self.order.payments.index(self.open)]
        last = before[-1] if before else None
        was_silent = last and last.status == PaymentStatus.EXPIRED and not _could_be_paid(last)
        return last.gateway if last and was_silent and last.gateway != self.open.gateway else None

    @property
    def are_all_silent(self) -> bool:
        """True if neither gateway has answered when it was asked last."""
        newest = {each.gateway: each for each in self.order.payments}.values()
        silent = [each for each in newest if not each.gateway_reference and each.status != PaymentStatus.FAILED]
        return len(silent) == len(names.NAMES)

    @property
    def is_live(self) -> bool:
        """True if its page should look again by itself: while it waits, and while money may come or goes back."""
        if self.state in ("expired", "cancelled", "event_cancelled") and not self.refunds:
            return bool(self.order.payments)
        is_all_back = bool(self.refunds) and all(each.waits_for is None for each in self.refunds)
        return self.state not in ("paid", "refunded") and not is_all_back

    @property
    def is_waiting_for_money(self) -> bool:
        """True if its gateway may know more than we do."""
        return self.state in ("pay_qr", "pay_va", "pay_redirect", "checking") or self.silent_gateway is not None

    @property
    def undelivered(self) -> list[tuple[OrderTicketResponse, str | None]]:
        """Tickets whose mail did not arrive, one for each address; the address is None where it is the buyer's."""
        addresses = {item.id: item.attendee_email for item in self.order.items}
        found: dict[str | None, OrderTicketResponse] = {}
        for ticket in self.order.tickets:
            if ticket.status != TicketStatus.VOID and ticket.mail_status in UNDELIVERED:
                found.setdefault(addresses.get(ticket.item_id), ticket)
        return [(ticket, address) for address, ticket in found.items()]

    @property
    def lines(self) -> list[Line]:
        """The order, line by line."""
        return _lines(self.order.items)

    @property
    def products(self) -> list[Line]:
        """The goods that are handed over at the counter, line by line."""
        return _lines([item for item in self.order.items if self.tiers[str(item.tier_id)].kind == TierKind.PRODUCT])

    @property
    def tickets(self) -> list[OrderTicketResponse]:
        """The tickets, in the order of the items that they are for."""
        place = {item.id: number for number, item in enumerate(self.order.items)}
        return sorted(self.order.tickets, key=lambda ticket: place[ticket.item_id])

    @property
    def named_items(self) -> list[OrderItemResponse]:
        """The units that somebody is admitted with."""
        return [item for item in self.order.items if self.tiers[str(item.tier_id)].kind in _WITH_TICKET]

    @property
    def are_holders_named(self) -> bool:
        """True if everybody who is to be admitted has been named."""
        return all(item.attendee_name and item.attendee_email for item in self.named_items)

    def asks_identity(self, item: OrderItemResponse) -> bool:
        """True if an identity number is to be given for a unit."""
        return self.tiers[str(item.tier_id)].requires_identity

    @property
    def seconds_left(self) -> int:
        """The end of the hold on the tickets, by our clock."""
        return max(0, int((self.order.reservation_expires_at - self.at).total_seconds()))

    @property
    def version(self) -> str:
        """Changes with whatever a reader should hear of: the page replaces itself then."""
        payments = ",".join(f"{each.id.hex[:8]}{each.status}" for each in self.order.payments)
        tickets = ",".join(f"{each.id.hex[:8]}{each.status}" for each in self.order.tickets)
        refunds = ",".join(f"{each.id.hex[:8]}{each.status}" for each in self.refunds)
        return f"{self.state};{payments};{tickets};{refunds}"

    @property
    def asked_back(self) -> set[UUID]:
        """The tickets that their buyer wants to give back, and about which the organizer decides."""
        asked = [each for each in self.refunds if each.status == RefundStatus.REQUESTED]
        return {ticket_id for each in asked for ticket_id in each.ticket_ids}

    @property
    def needs_bank_account(self) -> bool:
        """True if money can go back only once its owner has set a bank account."""
        return any(each.waits_for in ("bank_account", "bank_account_frozen") for each in self.refunds)

    @property
    def _is_given_back(self) -> bool:
        """True if an approved refund has taken every unit of it."""
        lines = [line for each in self.refunds if each.status in _GIVEN_BACK for line in each.lines]
        return {item.id for item in self.order.items} <= {line.item_id for line in lines}

    @property
    def _is_issued(self) -> bool:
        valid = [each for each in self.order.tickets if each.status != TicketStatus.VOID]
        returned = len(self.order.tickets) - len(valid)
        has_tickets = len(valid) + returned >= len(self.named_items)
        return has_tickets and (self.are_goods_issued or len(self.named_items) == len(self.order.items))


def of(
    order: OrderResponse,
    event: EventResponse,
    refunds: list[RefundResponse],
    at: datetime,
    *,
    are_goods_issued: bool = True,
) -> OrderView:
    """The view of an order at a moment; `are_goods_issued` once it has its codes and digital units."""
    return OrderView(order, event, refunds, at, {str(tier.id): tier for tier in event.tiers}, are_goods_issued)


def _lines(items: Sequence[OrderItemResponse]) -> list[Line]:
    counted = Counter((item.tier_name, item.unit_price) for item in items)
    return [Line(name, quantity, price) for (name, price), quantity in counted.items()]


def _could_be_paid(payment: PaymentResponse) -> bool:
    """True if its gateway ever gave what a buyer pays by. Its own id of it may also come from its cancellation."""
    return any((payment.redirect_url, payment.snap_token, payment.qr_string, payment.va_number))


def _payment_state(payment: PaymentResponse) -> State:
    if payment.qr_string:
        return "pay_qr"
    if payment.va_number:
        return "pay_va"
    return "pay_redirect" if payment.redirect_url else "checking"
