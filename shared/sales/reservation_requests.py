"""Requests of buyers: units of an event's tiers, their attendees if named, and a promo code (TS-002, TS-004)."""

import re
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)

from shared.field_types import Trimmed, line, plain_line
from shared.models import RequestModel
from shared.sales.identity_numbers import IdentityFields
from shared.sales.queue_passes import QueuePass

MAX_TIERS = 20
"""The most tiers that one order is made of."""
Name = Annotated[str, plain_line(255)]


# Nearly every address matches this; the library that knows all others is slow to import, and slower to call.
_COMMON_ADDRESS = re.compile(
    r"(?=.{3,100}$)(?=[^@]{1,64}@)[a-zA-Z0-9]+(?:[._+-][a-zA-Z0-9]+)*@"
    r"(?:[a-z0-9]{1,31}(?:-[a-z0-9]{1,15}){0,2}\.)+(?!(?:arpa|invalid|local|localhost|onion|test)$)[a-z]{2,20}"
)


def _normal(address: str) -> str:
    from pydantic import networks

    return networks.validate_email(address)[1]


def _address(given: Any, check: ValidatorFunctionWrapHandler) -> Any:
    if isinstance(given, str) and _COMMON_ADDRESS.fullmatch(given):
        return given
    try:
        return check(given)
    except ValidationError as error:
        raise ValueError("is not an e-mail address, as name@example.com") from error


Email = Annotated[
    str,
    AfterValidator(_normal),
    Field(max_length=255),
    Trimmed,
    WrapValidator(_address),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 255}),
]


class Attendee(IdentityFields):
    """The attendee of a ticket (TS-004)."""

    name: Name
    email: Email


class ReservationItem(RequestModel):
    """Some units of one tier."""

    tier_id: UUID
    quantity: Annotated[int, Field(ge=1, le=100)]
    attendees: Annotated[list[Attendee], Field(max_length=100)] | None = None

    @model_validator(mode="after")
    def _one_attendee_each(self) -> "ReservationItem":
        if self.attendees is not None and len(self.attendees) != self.quantity:
            raise ValueError("give one attendee per ticket, or none and name them at checkout")
        return self


class ReservationBody(RequestModel):
    """A buyer's request to hold tickets."""

    event_id: UUID
    items: Annotated[list[ReservationItem], Field(min_length=1, max_length=MAX_TIERS)]
    promo_code: Annotated[str, line(50)] | None = None
    queue_pass: Annotated[str, line(1000)] | None = None
    """The queue pass, for an event with a waiting room."""


@dataclass(frozen=True)
class PurchaseRequest:
    """A purchase to price; `buyer_id` is None where the buyer is not signed in."""

    buyer_id: UUID | None
    body: ReservationBody


@dataclass(frozen=True)
class ReservationRequest(PurchaseRequest):
    """One buyer's request. `idempotency_key` finds the order again after a crash between commit and response.

    `queue_pass` is the buyer's own, verified, where they gave one.
    """

    buyer_id: UUID
    idempotency_key: str | None = None
    queue_pass: QueuePass | None = None
