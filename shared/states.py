"""The states of everything that has a life, as the database's CHECK constraints allow them.

`tests/integration/cloud/test_states.py` holds that both agree. Rows carry plain strings, which are equal to these.
"""

from enum import StrEnum
from typing import Final, Literal


class EventStatus(StrEnum):
    """An event: `events.status`."""

    DRAFT = "draft"
    PUBLISHED = "published"
    CANCELLED = "cancelled"


EventStatusName = Literal["draft", "published", "cancelled"]
"""An `EventStatus` in a request or response: a strict model takes no plain string for an enumeration's member."""


class TierKind(StrEnum):
    """The kind of thing that a tier sells: `ticket_tiers.kind`."""

    TICKET = "ticket"
    REGISTRATION = "registration"
    PRODUCT = "product"
    DIGITAL = "digital"


TierKindName = Literal["ticket", "registration", "product", "digital"]
"""A `TierKind` in a request or response."""
GOODS: Final = frozenset({TierKind.PRODUCT, TierKind.DIGITAL})
"""The kinds that let nobody in."""


class WaitingRoomPhase(StrEnum):
    """The phase of a rush's waiting room: `waiting_rooms.phase`."""

    NOT_OPEN = "not_open"
    GATHERING = "gathering"
    """Open, and before the hour: whoever joins is drawn."""
    SERVING = "serving"
    ALL_HELD = "all_held"
    PAUSED = "paused"
    """Nothing is on sale for the moment."""
    SOLD_OUT = "sold_out"
    ENDED = "ended"
    CANCELLED = "cancelled"
    LIFTED = "lifted"
    """The event has no waiting room any more: everybody may order."""


class OrderStatus(StrEnum):
    """An order: `orders.status`."""

    RESERVED = "reserved"
    PENDING_PAYMENT = "pending_payment"
    PAID = "paid"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


class PaymentStatus(StrEnum):
    """A payment of an order: `payments.status`."""

    OPENING = "opening"
    PENDING = "pending"
    PAID = "paid"
    EXPIRED = "expired"
    FAILED = "failed"
    REFUNDED = "refunded"


class TicketStatus(StrEnum):
    """A ticket: `tickets.status`."""

    ISSUED = "issued"
    USED = "used"
    VOID = "void"


class PickupStatus(StrEnum):
    """Products to be handed over: `pickups.status`."""

    WAITING = "waiting"
    PICKED_UP = "picked_up"
    VOID = "void"


class RefundStatus(StrEnum):
    """A refund: `refunds.status`."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


class RefundKind(StrEnum):
    """The reason why money goes back: `refunds.kind`."""

    REQUESTED = "requested"
    CANCELLATION = "cancellation"
    UNUSABLE_PAYMENT = "unusable_payment"
    BY_GATEWAY = "by_gateway"
    REVIEW = "review"


class RefundMethod(StrEnum):
    """The way in which money goes back: `refunds.method`."""

    GATEWAY = "gateway"
    """The way it came, through the payment's gateway."""
    TRANSFER = "disbursement"
    """A bank transfer to the buyer's account."""


class PayoutStatus(StrEnum):
    """A payout to an organizer: `payouts.status`."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CARRIED_OVER = "carried_over"


class TransferStatus(StrEnum):
    """A bank transfer that carries a payout or a refund: `disbursements.status`."""

    SENDING = "sending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REVERSED = "reversed"


class BankAccountStatus(StrEnum):
    """A bank account and the check of its holder's name: `bank_accounts.status`."""

    CHECKING = "checking"
    VERIFIED = "verified"
    REFUSED = "refused"


class ChatMessageStatus(StrEnum):
    """A message of ours in a chat: `chat_messages.status`."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    DROPPED = "dropped"


class ChatNotices(StrEnum):
    """A person's wish for notices in their chat: `chat_senders.notices`."""

    ON = "on"
    OFF = "off"
    STOPPED = "stopped"
    """They want nothing that they have not asked for."""


class EmailStatus(StrEnum):
    """An e-mail: `emails.status`."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    OPENED = "opened"
    DROPPED = "dropped"
    BOUNCED = "bounced"
    SPAM_REPORTED = "spam_reported"
    FAILED = "failed"


class SuppressionReason(StrEnum):
    """The reason why an address gets no more mails: `mail_suppressions.reason`."""

    BOUNCED = "bounced"
    SPAM_REPORTED = "spam_reported"


class SaleNotices(StrEnum):
    """The ways in which an organizer is told of sales: `users.sale_notices`."""

    FIRST_SALES = "first_sales"
    DIGEST = "digest"
    OFF = "off"


class ApprovalAction(StrEnum):
    """An action of an admin that another admin approves: `approvals.action`."""

    EVENT_CANCELLATION = "event_cancellation"
    SECOND_FACTOR_RESET = "second_factor_reset"


class ApprovalDecision(StrEnum):
    """The decision about a request for approval: `approvals.decision`."""

    APPROVED = "approved"
    DECLINED = "declined"
    EXPIRED = "expired"
