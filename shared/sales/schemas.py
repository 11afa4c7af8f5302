"""Responses about orders: items, payments, tickets (docs/reference/api.md)."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import RowMapping, text

from shared import banners
from shared.banners import Banner
from shared.cloud import authorization
from shared.cloud.authorization import Caller
from shared.cloud.database import Transaction, snapshot, transaction
from shared.gateways.statuses import PaymentMethod
from shared.models import Listing, PageQuery, ResponseModel
from shared.problems import NotFound
from shared.sales import digital_units, orders, ticket_mails
from shared.sales.registrations import mask
from shared.states import EmailStatus, OrderStatus

_ORDERS = text("""
    SELECT o.id, o.event_id, o.status, o.subtotal, o.discount_amount, o.platform_fee, o.total_amount, o.promo_code,
        CASE WHEN o.status NOT IN ('reserved', 'pending_payment') THEN 0
            WHEN o.review_reason IS NULL THEN o.total_amount
            ELSE GREATEST(o.total_amount + (
                SELECT CAST(COALESCE(sum(e.amount), 0) AS bigint)  -- Uses index: ledger_postings_order
                FROM ledger_postings l JOIN ledger_entries e ON e.posting_id = l.id
                WHERE l.order_id = o.id AND e.account = 'unallocated'), 0) END AS amount_missing,
        o.reservation_expires_at, o.created_at, p.code AS pickup_code, p.picked_up_at
    FROM orders o LEFT JOIN pickups p ON p.order_id = o.id AND p.status <> 'void'
    WHERE o.id = ANY(:ids) ORDER BY o.created_at DESC, o.id
""")
_ITEMS = text("""
    SELECT i.id, i.order_id, i.tier_id, t.name AS tier_name, i.unit_price, i.discount, i.platform_fee, i.waived_fee,
        i.attendee_name, i.attendee_email, r.identity_ending, b.number AS bib_number
    FROM order_items i JOIN ticket_tiers t ON t.id = i.tier_id
        LEFT JOIN registrations r ON r.item_id = i.id LEFT JOIN bib_numbers b ON b.item_id = i.id
    WHERE i.order_id = ANY(:ids) ORDER BY i.order_id, i.position
""")
PAYMENT_COLUMNS = """
    id, order_id, gateway, gateway_reference, CASE status WHEN 'opening' THEN 'pending' ELSE status END AS status,
    amount, received_amount, payment_method, redirect_url, snap_token, qr_string, va_number, biller_code,
    expires_at, paid_at, COALESCE(status = 'opening' AND claimed_until > now(), false) AS is_opening
"""
_PAYMENTS = text(f"""
    SELECT {PAYMENT_COLUMNS} FROM payments
    WHERE order_id = ANY(:ids) AND (duplicate_of IS NULL OR received_amount IS NOT NULL)
    ORDER BY order_id, attempt
""")
_TICKETS = text(f"""
    SELECT t.id, t.order_id, t.order_item_id AS item_id, t.status, b.number AS bib_number,
        ticket_mail.status AS mail_status
    FROM tickets t JOIN order_items i ON i.id = t.order_item_id
        JOIN orders o ON o.id = t.order_id JOIN users u ON u.id = o.user_id
        LEFT JOIN bib_numbers b ON b.item_id = t.order_item_id {ticket_mails.STATUS_JOIN}
    WHERE t.order_id = ANY(:ids) ORDER BY t.order_id, t.created_at, t.id
""")
_EVENTS = text(f"""
    SELECT o.id AS order_id, e.slug, e.title, e.status, e.start_date, e.end_date, e.timezone, e.location, e.venue,
        e.banner_url, {banners.COLUMN}
    FROM orders o JOIN events e ON e.id = o.event_id WHERE o.id = ANY(:ids)
""")
_PARTIES = text("SELECT user_id, organizer_id FROM orders WHERE id = :id")
_LIST_OWN = text("""
    SELECT id FROM orders  -- Uses index: orders_user
    WHERE user_id = :user_id ORDER BY created_at DESC, id LIMIT :page_size OFFSET :offset
""")
_NEWEST_PAID = text("""
    SELECT id FROM orders  -- Uses index: orders_user
    WHERE user_id = :user_id AND event_id = :event_id AND status = 'paid' ORDER BY created_at DESC LIMIT 1
""")
_COUNT_OWN = text("SELECT count(*) FROM orders WHERE user_id = :user_id")

_INSTRUCTIONS = {
    "FREE": "Tidak ada yang perlu dibayar.",
    "OVO": "Buka halaman pembayaran, masukkan nomor OVO, lalu setujui di aplikasi OVO.",
    "DANA": "Buka halaman pembayaran lalu setujui di aplikasi DANA.",
    "GOPAY": "Buka halaman pembayaran lalu setujui di aplikasi Gojek.",
    "LINKAJA": "Buka halaman pembayaran lalu setujui di aplikasi LinkAja.",
    "ANY": "Buka halaman pembayaran dan pilih cara membayar di sana.",
}
_INSTRUCTIONS_QR = "Buka aplikasi bank atau e-wallet, pilih Bayar dengan QRIS, lalu pindai kode ini."
_INSTRUCTIONS_QR_PAGE = "Buka halaman pembayaran, lalu pindai kode QRIS dengan aplikasi bank atau e-wallet mana pun."
_INSTRUCTIONS_BANK = "Transfer jumlah yang tepat ke virtual account {bank} dari ATM, mobile banking atau teller."
_INSTRUCTIONS_BANK_PAGE = "Buka halaman pembayaran, lalu transfer jumlah yang tepat ke virtual account {bank} di sana."
_INSTRUCTIONS_BILL = (
    "Di aplikasi Livin' atau ATM Mandiri pilih Bayar, lalu Multipayment: kode perusahaan {biller_code}, lalu nomor ini."
)


class OrderItemResponse(ResponseModel):
    """One unit of an order, in rupiah: its price, the discount of a promo code, and the fee on top.

    A `waived_fee` is paid by the issuer of the promo code; `platform_fee`, which the buyer pays, is 0 then.
    An `identity_number` is masked but for its last four characters. A `bib_number` is assigned once the order is paid.
    The `digital_unit` of a digital good is in the response to its buyer's request for this one order. Once revealed it
    can't be refunded, unless the tier is `refundable_after_reveal`; while its refund is requested it is not revealed.
    """

    id: UUID
    tier_id: UUID
    tier_name: str
    unit_price: int
    discount: int
    platform_fee: int
    waived_fee: int = 0
    attendee_name: str | None
    attendee_email: str | None
    identity_number: str | None = None
    bib_number: int | None = None
    digital_unit: Annotated[str | None, Field(repr=False)] = None

    @classmethod
    def of(cls, row: RowMapping) -> "OrderItemResponse":
        """Make one from a row of _ITEMS."""
        return cls(**_without_order(row), identity_number=mask(row["identity_ending"]))


class PaymentResponse(ResponseModel):
    """A payment attempt, in rupiah: the requested `amount`, the `received_amount`, and `instructions` for the buyer.

    A paid payment need not cover its order: see the order's `amount_missing`.
    With a `biller_code`, the `va_number` is the number of a bill at Bank Mandiri, which is paid under that code.
    """

    id: UUID
    order_id: UUID
    gateway: str
    gateway_reference: str | None
    status: str
    amount: int
    received_amount: int | None
    payment_method: str
    redirect_url: str | None
    snap_token: str | None
    qr_string: str | None
    va_number: str | None
    biller_code: str | None = None
    instructions: str
    expires_at: datetime
    paid_at: datetime | None
    is_opening: bool
    """True while the gateway is opening it, so that it cannot be paid yet."""

    @classmethod
    def of(cls, row: RowMapping) -> "PaymentResponse":
        """Make one from a row of PAYMENT_COLUMNS."""
        return cls(**row, instructions=_instructions(row))


class OrderTicketResponse(ResponseModel):
    """A ticket and the address of its PDF.

    `mail_status`: what became of the last mail with it (NS-008); `bounced`, `dropped` and `spam_reported` have not
    reached their reader.
    """

    id: UUID
    item_id: UUID
    status: str
    bib_number: int | None
    download_url: str
    mail_status: EmailStatus | None = None


class OrderEventResponse(ResponseModel):
    """The event of an order, as it is now. Times are UTC; `timezone` is the zone to show them in."""

    slug: str
    title: str
    status: str
    start_date: datetime
    end_date: datetime
    timezone: str
    location: str
    venue: str | None
    banner_url: str | None
    banner: Banner | None


class OrderResponse(ResponseModel):
    """An order with its items, payments and tickets. Amounts in rupiah; `amount_missing` is still to be paid.

    Products are handed out for the `pickup_code`, which exists once the order is paid, until `picked_up_at`.
    """

    id: UUID
    event_id: UUID
    status: str
    items: list[OrderItemResponse]
    subtotal: int
    discount_amount: int
    platform_fee: int
    total_amount: int
    amount_missing: int
    currency: str = "IDR"
    promo_code: str | None
    reservation_expires_at: datetime
    created_at: datetime
    payments: list[PaymentResponse] = Field(default_factory=list)
    tickets: list[OrderTicketResponse] = Field(default_factory=list)
    pickup_code: str | None = None
    picked_up_at: datetime | None = None

    @classmethod
    def read(cls, tx: Transaction, order_id: UUID) -> "OrderResponse":
        """The order as it is now. Raises NotFound."""
        found = _read(tx, [order_id])
        if not found:
            raise NotFound
        return found[0]


class OrderWithEventResponse(OrderResponse):
    """An order with its items, payments, tickets and event. Amounts in rupiah; `amount_missing` is still to be paid.

    Products are handed out for the `pickup_code`, which exists once the order is paid, until `picked_up_at`.
    """

    event: OrderEventResponse


def read_and_reveal(order_id: UUID, viewer: Caller) -> OrderWithEventResponse:
    """Like `read_visible`, but reveals the digital units to their buyer, after recording that.

    Opens its own transactions, since a snapshot may not lock rows that have changed since it began.
    """
    with snapshot() as tx:
        order = read_visible(tx, order_id, viewer)
        has_unrevealed = (
            digital_units.has_unrevealed(tx, order_id)
            and tx.execute(_PARTIES, {"id": order_id}).one().user_id == viewer.id
        )
    if not has_unrevealed:
        return order
    _reveal(order_id)
    with snapshot() as tx:
        return read_visible(tx, order_id, viewer)


def read_visible(tx: Transaction, order_id: UUID, viewer: Caller) -> OrderWithEventResponse:
    """The order for its buyer, its organizer or an admin. Raises NotFound for anybody else (ISO-1).

    Revealed digital units are included for the buyer only, while the order is paid (PROD-2).
    """
    owner_id = require_access(tx, order_id, viewer)
    [order] = _with_events(tx, [OrderResponse.read(tx, order_id)])
    return _with_units(tx, order) if viewer.id == owner_id and order.status == OrderStatus.PAID else order


def require_access(tx: Transaction, order_id: UUID, viewer: Caller) -> UUID:
    """The id of an order's buyer, for the buyer, its organizer or an admin. Raises NotFound for anybody else."""
    parties = tx.execute(_PARTIES, {"id": order_id}).first()
    if parties is None or not authorization.check_access(
        tx, viewer, subject="order", subject_id=order_id, organizer_id=parties.organizer_id, owner_id=parties.user_id
    ):
        raise NotFound
    owner_id: UUID = parties.user_id
    return owner_id


def reveal_all(user_id: UUID) -> None:
    """Record that all digital units of a buyer are about to be revealed."""
    with transaction() as tx:
        hiding = digital_units.orders_with_unrevealed(tx, user_id)
    for order_id in hiding:
        _reveal(order_id)


def _reveal(order_id: UUID) -> None:
    with transaction() as tx:
        orders.lock(tx, order_id)
        digital_units.mark_revealed(tx, order_id)


def _with_units(tx: Transaction, order: OrderWithEventResponse) -> OrderWithEventResponse:
    secrets = digital_units.revealed_secrets(tx, order.id)
    items = [item.model_copy(update={"digital_unit": secrets.get(item.id)}) for item in order.items]
    return order.model_copy(update={"items": items})


def _with_events(tx: Transaction, found: Sequence[OrderResponse]) -> list[OrderWithEventResponse]:
    rows = tx.execute(_EVENTS, {"ids": [order.id for order in found]}).mappings()
    events = {row["order_id"]: OrderEventResponse(**row) for row in rows}
    return [OrderWithEventResponse(**dict(order), event=events[order.id]) for order in found]


def list_own(tx: Transaction, user_id: UUID, page: PageQuery) -> Listing[OrderWithEventResponse]:
    """A buyer's orders, newest first."""
    parties = {"user_id": user_id}
    ids = tx.execute(_LIST_OWN, {**parties, "page_size": page.page_size, "offset": page.offset}).scalars().all()
    return Listing[OrderWithEventResponse].of(
        page, _with_events(tx, _read(tx, ids)), tx.execute(_COUNT_OWN, parties).scalar_one()
    )


def newest_paid(tx: Transaction, user_id: UUID, event_id: UUID) -> UUID | None:
    """The newest order by which somebody has tickets for an event already, if there is one."""
    found: UUID | None = tx.execute(_NEWEST_PAID, {"user_id": user_id, "event_id": event_id}).scalar()
    return found


def _read(tx: Transaction, ids: Sequence[UUID]) -> list[OrderResponse]:
    if not ids:
        return []
    # Orders are read first, for callers without a snapshot: a refunded order then never comes with its old tickets.
    orders = tx.execute(_ORDERS, {"ids": ids}).mappings().all()
    items = _by_order(tx.execute(_ITEMS, {"ids": ids}).mappings())
    payments = _by_order(tx.execute(_PAYMENTS, {"ids": ids}).mappings())
    tickets = _by_order(tx.execute(_TICKETS, {"ids": ids}).mappings())
    return [
        OrderResponse(
            **row,
            items=[OrderItemResponse.of(item) for item in items.get(row["id"], [])],
            payments=[PaymentResponse.of(payment) for payment in payments.get(row["id"], [])],
            tickets=[
                OrderTicketResponse(**_without_order(ticket), download_url=f"/api/v1/tickets/{ticket['id']}/download")
                for ticket in tickets.get(row["id"], [])
            ],
        )
        for row in orders
    ]


def _by_order(rows: Iterable[RowMapping]) -> dict[UUID, list[RowMapping]]:
    grouped: dict[UUID, list[RowMapping]] = {}
    for row in rows:
        grouped.setdefault(row["order_id"], []).append(row)
    return grouped


def _without_order(row: RowMapping) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "order_id"}


def _instructions(payment: RowMapping) -> str:
    """How to pay: with the code or number of the payment if it has one, else on the gateway's page."""
    method = payment["payment_method"]
    if method in _INSTRUCTIONS:
        return _INSTRUCTIONS[method]
    if method == PaymentMethod.QRIS:
        return _INSTRUCTIONS_QR if payment["qr_string"] else _INSTRUCTIONS_QR_PAGE
    if payment["biller_code"]:
        return _INSTRUCTIONS_BILL.format(biller_code=payment["biller_code"])
    return (_INSTRUCTIONS_BANK if payment["va_number"] else _INSTRUCTIONS_BANK_PAGE).format(bank=method)
