"""Ticket tiers: the offers of an event with their prices and quotas (EM-008..012).

Tiers change under the lock of the event's row (editing.lock), one editor after the other. The tier's own row is locked
by the updates alone, by id and last, since buyers contend for it. Its counters `reserved` and `sold` belong to sales/
and are only read here.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, field_validator
from sqlalchemy import RowMapping, text
from sqlalchemy.exc import DBAPIError

from shared.cloud import clock
from shared.cloud.database import Transaction
from shared.field_types import Rupiah, Trimmed, Utc, paragraphs, plain_line
from shared.models import RequestModel, ResponseModel
from shared.problems import Invalid, NotFound, Problem, violated_constraint
from shared.sales.inventory import NO_OVERSELLING, SELLABLE_UNITS
from shared.sales.pricing import PricedTier, current_price
from shared.sentences import Sentence
from shared.states import TierKindName

MAX_TIERS_PER_EVENT = 100
"""The limit bounds lists of events, which contain all tiers of each. One request may change them all."""
EXCERPT_LENGTH = 300
"""The length of long texts in lists. An event's own page has them in full."""

_KEPT_BY = {"order_items_tier_id_fkey", "registrations_tier_id_fkey", "bib_numbers_tier_id_fkey"}

Name = Annotated[str, plain_line(100)]
Description = Annotated[str, paragraphs(5_000)]
Quota = Annotated[int, Field(ge=1, le=10_000_000)]
MaxPerOrder = Annotated[int, Field(ge=1, le=100)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{2,15}$"), AfterValidator(str.upper), Trimmed]
"""The short code to buy a tier by message."""


class NewTier(RequestModel):
    """A tier as its organizer describes it. Prices are rupiah."""

    name: Name
    price: Rupiah
    quota: Quota
    description: Description = ""
    kind: TierKindName = "ticket"
    max_per_order: MaxPerOrder = 5
    sale_start: Utc | None = None
    sale_end: Utc | None = None
    early_bird_price: Rupiah | None = None
    early_bird_start: Utc | None = None
    early_bird_end: Utc | None = None
    requires_identity: bool = False
    refundable_after_reveal: bool = False
    """True if digital units may be refunded after they were revealed to their buyer."""
    code: Code | None = None
    """The short code to buy it by message. Left out, one is drawn."""


class TierChange(RequestModel):
    """The changes of a tier. A field that is left out stays as it is; null clears an optional one."""

    name: Name | None = None
    price: Rupiah | None = None
    quota: Quota | None = None
    description: Description | None = None
    kind: TierKindName | None = None
    max_per_order: MaxPerOrder | None = None
    sale_start: Utc | None = None
    sale_end: Utc | None = None
    early_bird_price: Rupiah | None = None
    early_bird_start: Utc | None = None
    early_bird_end: Utc | None = None
    requires_identity: bool | None = None
    refundable_after_reveal: bool | None = None
    code: Code | None = None

    @field_validator(
        "name",
        "price",
        "quota",
        "description",
        "kind",
        "max_per_order",
        "requires_identity",
        "refundable_after_reveal",
        "code",
    )
    @classmethod
    def _not_null(cls, value: object) -> object:
        return reject_null(value)


class TierOrder(RequestModel):
    """Every tier of an event, in the order in which they are shown."""

    tier_ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_TIERS_PER_EVENT)]


class TierResponse(ResponseModel):
    """A public tier. Prices are rupiah; `available` units can be reserved while it is `on_sale`.

    For digital goods these are no more than the uploaded units.
    """

    id: UUID
    event_id: UUID
    name: str
    kind: str
    description: str
    price: int
    early_bird_price: int | None
    early_bird_start: datetime | None
    early_bird_end: datetime | None
    sale_start: datetime | None
    sale_end: datetime | None
    max_per_order: int
    requires_identity: bool
    refundable_after_reveal: bool
    quota: int
    current_price: int
    reserved: int
    sold: int
    available: int
    code: str
    """The short code to buy it by message: `beli <code> 1`."""
    sold_out: bool
    on_sale: bool
    """True if the event is published and not over, and the tier's own sale has begun and not ended."""

    @classmethod
    def of(cls, row: "TierRow", at: datetime) -> "TierResponse":
        """The response for a row of ticket_tiers at a moment."""
        return cls(
            **row._mapping,
            current_price=current_price(row, at),
            sold_out=row.available == 0,
            on_sale=_is_on_sale(row, at),
        )


class TierRow(PricedTier, Protocol):
    """A row of ticket_tiers, as far as it is read by name."""

    sale_start: datetime | None
    sale_end: datetime | None
    event_ends_at: datetime
    is_on_sale: bool
    available: int

    @property
    def _mapping(self) -> RowMapping: ...


@dataclass(frozen=True)
class ParentEvent:
    """The event that tiers belong to. `is_on_sale` and `ends_at` are copied to their rows."""

    id: UUID
    organizer_id: UUID
    capacity: int
    is_on_sale: bool
    ends_at: datetime


class CapacityExceeded(Invalid):
    """The quotas of the tiers add up to more than the event's capacity. Lower a quota or raise the capacity."""

    slug = "capacity-exceeded"


class TooManyTiers(Invalid):
    """An event has 100 tiers at most. Change one that is there, or make another event."""

    slug = "too-many-tiers"


class TierCodeTaken(Invalid):
    """Another tier, of whatever event, has this code. Choose another one."""

    slug = "tier-code-taken"


class QuotaTooSmall(Problem):
    """More tickets than that are sold or held already. Choose a higher quota."""

    status, slug = 409, "quota-too-small"


class TierHasOrders(Problem):
    """Somebody has ordered from this tier, so it stays for their order. Set the end of its sale to now instead."""

    status, slug = 409, "tier-ordered"


class KindIsFixed(Problem):
    """Some of these are sold or held, so their kind can't change any more. Add another tier instead."""

    status, slug = 409, "kind-is-fixed"


_COLUMNS = f"""
    id, event_id, name, kind, price, early_bird_price, early_bird_start, early_bird_end, sale_start,
    sale_end, max_per_order, requires_identity, refundable_after_reveal, quota, reserved, sold,
    code, is_on_sale, event_ends_at, {SELLABLE_UNITS} - reserved - sold AS available
"""
_BY_EVENT = f"""
    SELECT {{description}} AS description, {_COLUMNS} FROM ticket_tiers  -- Uses index: ticket_tiers_event
    WHERE event_id = ANY(:event_ids) ORDER BY event_id, position, id
"""
_FULL_BY_EVENT = text(_BY_EVENT.format(description="description"))
# One character more than an excerpt has, to detect longer texts.
_EXCERPTS_BY_EVENT = text(_BY_EVENT.format(description=f"left(description, {EXCERPT_LENGTH + 1})"))
_READ = text(f"SELECT description, {_COLUMNS} FROM ticket_tiers WHERE id = :id")
_INSERT = text("""
    INSERT INTO ticket_tiers (event_id, organizer_id, name, kind, description, price, early_bird_price,
        early_bird_start, early_bird_end, sale_start, sale_end, max_per_order, requires_identity,
        refundable_after_reveal, quota, event_ends_at, is_on_sale, code, position)
    VALUES (:event_id, :organizer_id, :name, :kind, :description, :price, :early_bird_price,
        :early_bird_start, :early_bird_end, :sale_start, :sale_end, :max_per_order, :requires_identity,
        :refundable_after_reveal, :quota, :event_ends_at, :is_on_sale,
        COALESCE(CAST(:code AS text), new_tier_code()),
        (SELECT COALESCE(max(position), -1) + 1 FROM ticket_tiers WHERE event_id = :event_id))
    RETURNING id
""")
_UPDATE = text("""
    UPDATE ticket_tiers
    SET name = :name, kind = :kind, description = :description, price = :price,
        early_bird_price = :early_bird_price, early_bird_start = :early_bird_start,
        early_bird_end = :early_bird_end, sale_start = :sale_start, sale_end = :sale_end,
        max_per_order = :max_per_order, requires_identity = :requires_identity, quota = :quota,
        refundable_after_reveal = :refundable_after_reveal, code = :code,
        updated_at = now()
    WHERE id = :id AND (kind = :kind OR reserved + sold = 0)
""")
_DELETE = text("DELETE FROM ticket_tiers WHERE id = :id AND event_id = :event_id AND reserved + sold = 0")
_PLACE = text("UPDATE ticket_tiers SET position = :position, updated_at = now() WHERE id = :id")
_COPY_SALE_STATE = text("""
    WITH locked AS (
        SELECT id FROM ticket_tiers WHERE event_id = :event_id ORDER BY id FOR NO KEY UPDATE)
    UPDATE ticket_tiers t
    SET is_on_sale = :is_on_sale, event_ends_at = :ends_at, updated_at = now()
    FROM locked WHERE t.id = locked.id
    RETURNING t.reserved + t.sold AS taken
""")


def by_event(
    tx: Transaction, event_ids: Sequence[UUID], *, with_excerpts: bool = False
) -> Mapping[UUID, list[TierResponse]]:
    """The tiers of each event, in their organizer's order, with whole descriptions or excerpts of them."""
    at = clock.now()
    found: dict[UUID, list[TierResponse]] = defaultdict(list)
    for row in tx.execute(_EXCERPTS_BY_EVENT if with_excerpts else _FULL_BY_EVENT, {"event_ids": list(event_ids)}):
        tier = TierResponse.of(row, at)
        found[row.event_id].append(tier.model_copy(update=excerpts(row, "description")) if with_excerpts else tier)
    return found


def excerpts(row: object, *names: str) -> dict[str, str]:
    """The long texts of a row for a list: excerpts, which end in an ellipsis where text is left out."""
    return {name: _excerpt(getattr(row, name)) for name in names}


def read(tx: Transaction, tier_id: UUID) -> TierResponse:
    """One tier at this moment."""
    return TierResponse.of(tx.execute(_READ, {"id": tier_id}).one(), clock.now())


def copy_sale_state(tx: Transaction, parent: ParentEvent) -> int:
    """Copy to the tiers of a locked event whether it is on sale and until when; return the held and sold units.

    No more units are held or sold before `tx` ends.
    """
    values = {"event_id": parent.id, "is_on_sale": parent.is_on_sale, "ends_at": parent.ends_at}
    return sum(row.taken for row in tx.execute(_COPY_SALE_STATE, values).all())


def save_tiers(
    tx: Transaction,
    parent: ParentEvent,
    *,
    new: Sequence[NewTier] = (),
    changes: Mapping[UUID, TierChange] | None = None,
) -> list[UUID]:
    """Change tiers of a locked event and add new ones; return the ids of the new ones.

    Held and sold units keep their agreed prices. Raises NotFound for a tier of another event, Invalid, TooManyTiers,
    CapacityExceeded, QuotaTooSmall, KindIsFixed, TierCodeTaken.
    """
    stored = {row.id: row for row in tx.execute(_FULL_BY_EVENT, {"event_ids": [parent.id]})}
    if new and len(stored) + len(new) > MAX_TIERS_PER_EVENT:
        raise TooManyTiers
    changed = {tier_id: _changed(stored.get(tier_id), change) for tier_id, change in (changes or {}).items()}
    for tier in (*changed.values(), *new):
        _validate(tier, parent)
    quotas = {row.id: row.quota for row in stored.values()} | {key: tier.quota for key, tier in changed.items()}
    _check_capacity(parent, sum(quotas.values()) + sum(tier.quota for tier in new))
    for tier_id in sorted(changed):
        _update(tx, tier_id, changed[tier_id])
    return [_insert(tx, parent, tier) for tier in new]


def delete(tx: Transaction, event_id: UUID, tier_id: UUID) -> None:
    """Delete a tier of a locked event that nobody ever ordered from, with its units. Raises NotFound, TierHasOrders."""
    if tier_id not in {tier.id for tier in by_event(tx, [event_id])[event_id]}:
        raise NotFound
    try:
        deleted = tx.execute(_DELETE, {"id": tier_id, "event_id": event_id}).rowcount
    except DBAPIError as error:
        if violated_constraint(error) in _KEPT_BY:
            raise TierHasOrders from error
        raise
    if not deleted:
        raise TierHasOrders


def reorder(tx: Transaction, event_id: UUID, order: TierOrder) -> None:
    """Put the tiers of a locked event into this order. Raises Invalid unless it names each of them once."""
    known = [tier.id for tier in by_event(tx, [event_id])[event_id]]
    if sorted(known) != sorted(order.tier_ids):
        raise Invalid.field("tier_ids", "must name every tier of the event once")
    places = {tier_id: position for position, tier_id in enumerate(order.tier_ids)}
    for tier_id in sorted(places):
        tx.execute(_PLACE, {"id": tier_id, "position": places[tier_id]})


def _excerpt(words: str) -> str:
    return words if len(words) <= EXCERPT_LENGTH else words[: EXCERPT_LENGTH - 1] + "…"


def reject_null(value: object) -> object:
    """Reject null for a field that may be left out of a change, but not cleared. Raises ValueError."""
    if value is None:
        raise ValueError("may not be null; leave it out to keep it as it is")
    return value


def _is_on_sale(row: "TierRow", at: datetime) -> bool:
    """True if a tier is on sale, as sales.reservations decides it; a test compares the two."""
    has_begun = row.sale_start is None or row.sale_start <= at
    has_ended = row.event_ends_at <= at or (row.sale_end is not None and row.sale_end <= at)
    return row.is_on_sale and has_begun and not has_ended


def _changed(row: "TierRow | None", change: TierChange) -> NewTier:
    if row is None:
        raise NotFound("There is no such tier at this event. Read the event again.")
    stored = NewTier.model_construct(**{name: row._mapping[name] for name in NewTier.model_fields})
    return stored.model_copy(update=change.model_dump(exclude_unset=True, include=set(NewTier.model_fields)))


def _validate(tier: NewTier, parent: ParentEvent) -> None:
    if tier.sale_start and tier.sale_end and tier.sale_end <= tier.sale_start:
        raise Invalid.field("sale_end", Sentence("must be after sale_start ({tier})", tier=tier.name))
    if tier.sale_start and tier.sale_start >= parent.ends_at:
        raise Invalid.field("sale_start", Sentence("must be before the event ends ({tier})", tier=tier.name))
    if tier.early_bird_price is None:
        return
    if tier.early_bird_price >= tier.price:
        raise Invalid.field("early_bird_price", Sentence("must be lower than price ({tier})", tier=tier.name))
    if tier.early_bird_end is None:
        raise Invalid.field(
            "early_bird_end", Sentence("must say when the early-bird price ends ({tier})", tier=tier.name)
        )
    if tier.early_bird_start and tier.early_bird_end <= tier.early_bird_start:
        raise Invalid.field("early_bird_end", Sentence("must be after early_bird_start ({tier})", tier=tier.name))


def _check_capacity(parent: ParentEvent, quotas: int) -> None:
    if quotas > parent.capacity:
        message = Sentence(
            "the quotas add up to {quotas}, the capacity is {capacity}", quotas=quotas, capacity=parent.capacity
        )
        raise CapacityExceeded(capacity=parent.capacity, quotas=quotas, errors=[{"field": "quota", "message": message}])


def _update(tx: Transaction, tier_id: UUID, tier: NewTier) -> None:
    try:
        updated = tx.execute(_UPDATE, {**tier.model_dump(), "id": tier_id})
    except DBAPIError as error:
        if violated_constraint(error) == NO_OVERSELLING:
            raise QuotaTooSmall(quota=tier.quota) from error
        _raise_if_taken(error)
        raise
    if not updated.rowcount:
        raise KindIsFixed


def _insert(tx: Transaction, parent: ParentEvent, tier: NewTier) -> UUID:
    copies = {"event_ends_at": parent.ends_at, "is_on_sale": parent.is_on_sale, "organizer_id": parent.organizer_id}
    try:
        new_id: UUID = tx.execute(_INSERT, {**tier.model_dump(), **copies, "event_id": parent.id}).scalar_one()
    except DBAPIError as error:
        _raise_if_taken(error)
        raise
    return new_id


def _raise_if_taken(error: DBAPIError) -> None:
    if violated_constraint(error) == "ticket_tiers_code":
        message = "belongs to another tier, perhaps of another event; choose another one"
        raise TierCodeTaken(errors=[{"field": "code", "message": message}]) from error
