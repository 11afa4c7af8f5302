"""Inputs and outputs of a conversation: messages, actions and their results, as plain documents.

They are stored as JSON, so a conversation can be gone through again from what was stored.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.messages.chat_notices import NoticeKind


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Incoming(_Document):
    """A message of the sender, as the webhook told it."""

    kind: Literal["text", "choice", "image", "cart", "contact", "unsupported", "ignored"]
    text: str = ""
    choice: str = ""
    quantity: int = 1
    profile_name: str = ""
    sent_at: datetime | None = None
    is_late: bool = False
    """It comes long after it was written, as after an outage: what it asks for may no longer be wanted."""
    is_own_number: bool = False
    """A contact that the sender has shared as their own, as we asked for it."""


class OrderChanged(_Document):
    """Something happened to an order elsewhere: all it has bought is there to be delivered, or its time is over."""

    kind: Literal["delivery", "end"]
    order_id: UUID


Update = Annotated[Incoming | OrderChanged, Field(discriminator="kind")]


class EventRow(_Document):
    """An event in a list."""

    id: UUID
    title: str
    starts_at: datetime
    timezone: str


class TierRow(_Document):
    """Something on sale."""

    code: str
    name: str
    price: int
    available: int
    most: int
    """The most units of an order."""
    on_sale: bool
    needs_identity: bool
    slug: str
    """The slug of its event."""


class OrderSummary(_Document):
    """An order, as far as a conversation tells of it."""

    id: UUID
    status: str
    event_title: str
    lines: tuple[str, ...]
    """`2 x Reguler`, a tier each."""
    subtotal: int
    platform_fee: int
    discount: int
    total: int
    unnamed: int
    """Tickets that still need a name."""
    expires_at: datetime
    payment_id: UUID | None = None
    """The payment that is waited for."""
    has_qris: bool = False
    payment_url: str | None = None
    payment_amount: int = 0
    ticket_ids: tuple[UUID, ...] = ()
    has_products: bool = False
    digital_units: int = 0
    """The number of units of digital goods in it."""


class ListEvents(_Document):
    """Look up the upcoming events."""

    kind: Literal["list_events"] = "list_events"


class ShowEvent(_Document):
    """Look up the tiers of an event."""

    kind: Literal["show_event"] = "show_event"
    event_id: UUID


class FindTier(_Document):
    """Look up the tier of a code."""

    kind: Literal["find_tier"] = "find_tier"
    code: str
    gateway: str | None = None


class Hold(_Document):
    """Hold units for the sender."""

    kind: Literal["hold"] = "hold"
    code: str
    quantity: int
    gateway: str | None = None
    promo: str = ""
    profile_name: str = ""
    language: str = "id"


class Pay(_Document):
    """Name the tickets, and start the payment of the order by QRIS."""

    kind: Literal["pay"] = "pay"
    order_id: UUID
    names: tuple[str, ...] = ()
    gateway: str | None = None


class CheckOrder(_Document):
    """Look up the order; with `asks_gateway` after asking the gateway whether it is paid."""

    kind: Literal["look"] = "look"  # kept in chat_senders.pending_action
    order_id: UUID
    asks_gateway: bool = False


class Cancel(_Document):
    """Cancel the order."""

    kind: Literal["cancel"] = "cancel"
    order_id: UUID


class FindTickets(_Document):
    """Look up the paid orders with tickets or goods of events that are not over; else the newest one."""

    kind: Literal["find_tickets"] = "find_tickets"


class Deliver(_Document):
    """Look up the tickets and goods of a paid order, to deliver them."""

    kind: Literal["deliver"] = "deliver"
    order_id: UUID


class CallPerson(_Document):
    """Add a manual task for staff to answer."""

    kind: Literal["call_person"] = "call_person"


class SendCode(_Document):
    """Mail a code to an address, to link it."""

    kind: Literal["send_code"] = "send_code"
    address: str
    language: str


class CheckCode(_Document):
    """Link the address that the code was mailed to."""

    kind: Literal["check_code"] = "check_code"
    code: str
    language: str


Action = Annotated[
    ListEvents
    | ShowEvent
    | FindTier
    | Hold
    | Pay
    | CheckOrder
    | Cancel
    | FindTickets
    | Deliver
    | CallPerson
    | SendCode
    | CheckCode,
    Field(discriminator="kind"),
]


class EventsFound(_Document):
    """The next events."""

    kind: Literal["events_found"] = "events_found"
    events: tuple[EventRow, ...]


class TiersFound(_Document):
    """The tiers of an event, or the tier of one code."""

    kind: Literal["tiers_found"] = "tiers_found"
    title: str
    tiers: tuple[TierRow, ...]


class OrderFound(_Document):
    """The order as it is now. `is_over_budget`: nothing unasked is sent today."""

    kind: Literal["order_found"] = "order_found"
    order: OrderSummary
    is_over_budget: bool = False


class PurchasesFound(_Document):
    """Paid orders, that of the event which begins first before the others."""

    kind: Literal["purchases_found"] = "purchases_found"
    orders: tuple[OrderSummary, ...]


class Refused(_Document):
    """The operation was refused: `slug` of its problem. `order` is the live order it conflicts with."""

    kind: Literal["refused"] = "refused"
    slug: str
    available: int | None = None
    order: OrderSummary | None = None


class Done(_Document):
    """The action is done. `lacks_number`: staff have no number to call."""

    kind: Literal["done"] = "done"
    lacks_number: bool = False


Result = Annotated[EventsFound | TiersFound | OrderFound | PurchasesFound | Refused | Done, Field(discriminator="kind")]


class Option(_Document):
    """A button, or a row of a list."""

    id: str
    title: str
    description: str = ""


class NumberRequest(_Document):
    """A text with a button that shares one's own phone number."""

    kind: Literal["number_request"] = "number_request"
    body: str


class Text(_Document):
    """A text, with buttons or a list of choices if it has any."""

    kind: Literal["text"] = "text"
    body: str
    buttons: tuple[Option, ...] = ()
    rows: tuple[Option, ...] = ()
    list_label: str = ""


class Link(_Document):
    """A text with a button that opens a page."""

    kind: Literal["link"] = "link"
    body: str
    label: str
    url: str


class Qris(_Document):
    """The QRIS picture of a payment."""

    kind: Literal["qris"] = "qris"
    payment_id: UUID
    caption: str


class TicketFile(_Document):
    """The PDF of a ticket."""

    kind: Literal["ticket"] = "ticket"
    ticket_id: UUID
    caption: str


class Goods(_Document):
    """The pickup code of an order, and its digital units from the one numbered `first`: read as it is sent."""

    kind: Literal["goods"] = "goods"
    order_id: UUID
    first: int
    language: str


class NoticeMessage(_Document):
    """A notice about an order, by the `template` and `context` of its mail; rendered as it is sent.

    `by_template`: WhatsApp has reported that its reader wrote too long ago for a text.
    """

    kind: Literal["notice"] = "notice"
    template: NoticeKind
    order_id: UUID
    context: dict[str, Any] = {}
    language: str
    by_template: bool = False


Outgoing = Annotated[
    Text | NumberRequest | Link | Qris | TicketFile | Goods | NoticeMessage, Field(discriminator="kind")
]
