"""Events: their fields and their representation (EM-001, 006, 017). `editing` changes them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Protocol
from uuid import UUID

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator
from sqlalchemy import RowMapping, text

from shared import banners, local_time
from shared.banners import Banner
from shared.catalog import tiers
from shared.catalog.tiers import NewTier, TierChange, TierResponse, reject_null
from shared.cloud import authorization
from shared.cloud.database import Transaction
from shared.field_types import Trimmed, Utc, as_uuid, line, paragraphs, plain_line
from shared.identity.tokens import Principal
from shared.models import RequestModel, ResponseModel
from shared.problems import NotFound
from shared.states import EventStatus, EventStatusName


def _known_zone(name: str) -> str:
    if name not in local_time.zones():
        raise ValueError("is not an IANA time zone, for example Asia/Jakarta")
    return name


Title = Annotated[str, plain_line(255)]
LongText = Annotated[str, paragraphs(20_000)]
Category = Annotated[str, line(50)]
PlaceName = Annotated[str, plain_line(255)]
TimeZone = Annotated[str, AfterValidator(_known_zone), Trimmed]
Capacity = Annotated[int, Field(ge=1, le=10_000_000)]
MaxPerPerson = Annotated[int, Field(ge=1, le=10_000)]


class EventFields(RequestModel):
    """An event as its organizer describes it.

    `gates_open_at`: when scanning of tickets begins; null for 6 hours before the start.
    `refund_after_change`: buyers may ask for a full refund once its dates, time zone or place have changed.
    `name_change_deadline`: until when buyers may change the holder of a ticket; null for the start.
    `allows_reentry`: who is scanned out at the gate may come in again.
    `waiting_room_opens_at`: when the queue of a rush opens; null where there is none. Its people alone may order, until
    all tickets are sold or their sale has ended: then the goods that are left are for everybody.
    """

    title: Title
    description: LongText = ""
    category: Category
    location: PlaceName
    venue: PlaceName | None = None
    start_date: Utc
    end_date: Utc
    timezone: TimeZone = "Asia/Jakarta"
    capacity: Capacity
    terms: LongText = ""
    gates_open_at: Utc | None = None
    refund_after_change: bool = True
    name_change_deadline: Utc | None = None
    max_per_person: MaxPerPerson | None = None
    """The most units one person may have of all tiers together; null for two full orders of each tier."""
    one_purchase_per_person: bool = False
    allows_reentry: bool = False
    waiting_room_opens_at: Utc | None = None


class NewEvent(EventFields):
    """A new event with its tiers. Its status is draft."""

    tiers: list[NewTier] = Field(default_factory=list, max_length=tiers.MAX_TIERS_PER_EVENT)


class ListedTierChange(TierChange):
    """A change of the tier with this id."""

    id: UUID


def _change_or_new(tier: Any) -> str:
    has_id = "id" in tier if isinstance(tier, dict) else hasattr(tier, "id")
    return "change" if has_id else "new"


TierInList = Annotated[
    Annotated[ListedTierChange, Tag("change")] | Annotated[NewTier, Tag("new")], Discriminator(_change_or_new)
]


class EventChange(RequestModel):
    """The changes of an event. A field that is left out stays as it is.

    null clears `venue`, `gates_open_at`, `name_change_deadline` and `waiting_room_opens_at`, or lifts a limit. Where
    `start_date` changes and `gates_open_at` is left out, the gates move with the start.

    A tier in `tiers` with an id is changed, one without an id is added, and tiers that aren't listed stay as they are.
    """

    title: Title | None = None
    description: LongText | None = None
    category: Category | None = None
    location: PlaceName | None = None
    venue: PlaceName | None = None
    start_date: Utc | None = None
    end_date: Utc | None = None
    timezone: TimeZone | None = None
    capacity: Capacity | None = None
    terms: LongText | None = None
    gates_open_at: Utc | None = None
    refund_after_change: bool | None = None
    name_change_deadline: Utc | None = None
    max_per_person: MaxPerPerson | None = None
    one_purchase_per_person: bool | None = None
    allows_reentry: bool | None = None
    waiting_room_opens_at: Utc | None = None
    status: EventStatusName | None = None
    tiers: list[TierInList] = Field(default_factory=list, max_length=tiers.MAX_TIERS_PER_EVENT)

    @field_validator(
        "title",
        "description",
        "category",
        "location",
        "start_date",
        "end_date",
        "timezone",
        "capacity",
        "terms",
        "refund_after_change",
        "one_purchase_per_person",
        "allows_reentry",
        "status",
    )
    @classmethod
    def _not_null(cls, value: object) -> object:
        return reject_null(value)


class EventResponse(ResponseModel):
    """An event with its tiers. Times are UTC; `timezone` is the zone to display them in.

    `gates_setting`: `gates_open_at` as its organizer has set it; null where it is 6 hours before the start.
    `takes_promo_codes`: whether there is any code for it; null in lists, which do not look for them.
    """

    id: UUID
    slug: str
    status: str
    organizer_id: UUID
    title: str
    description: str
    category: str
    location: str
    venue: str | None
    start_date: datetime
    end_date: datetime
    timezone: str
    capacity: int
    terms: str
    gates_open_at: datetime | None = None
    gates_setting: datetime | None = None
    refund_after_change: bool = True
    name_change_deadline: datetime | None = None
    max_per_person: int | None
    one_purchase_per_person: bool
    allows_reentry: bool = False
    waiting_room_opens_at: datetime | None = None
    takes_promo_codes: bool | None = None
    banner_url: str | None
    banner: Banner | None = None
    created_at: datetime
    tiers: list[TierResponse]
    cancelled_as_draft: Annotated[bool, Field(exclude=True, repr=False)] = False

    @property
    def is_public(self) -> bool:
        """True if anybody may see it."""
        return is_public(self)


class TierList(ResponseModel):
    """The tiers of an event and its status; a cancelled event sells nothing."""

    event_id: UUID
    status: str
    tiers: list[TierResponse]


COLUMNS = f"""
    e.id, e.slug, e.status, e.organizer_id, e.title, e.description, e.category, e.location, e.venue, e.start_date,
    e.end_date, e.timezone, e.capacity, e.terms, e.refund_after_change, e.max_per_person, e.one_purchase_per_person,
    e.scan_from AS gates_open_at, e.gates_open_at AS gates_setting, e.banner_url, e.created_at, e.cancelled_as_draft,
    e.name_change_deadline, e.allows_reentry, e.waiting_room_opens_at, {banners.COLUMN}
"""
# Three looks, each by its index. As one condition they read every code there is; without an order they would, too, as
# the plan is made for an organizer who has some.
_A_CODE = """(SELECT true FROM promos p WHERE {of} AND p.is_active AND COALESCE(p.ends_at > now(), true)
    ORDER BY p.code LIMIT 1)"""
_ALL_ORGANIZERS_OR_THIS = "COALESCE(e.organizer_id = ANY(p.organizer_ids), true)"
_TAKES_PROMO_CODES = f"""COALESCE({_A_CODE.format(of="p.event_id = e.id")},
    {_A_CODE.format(of="p.event_id IS NULL AND p.organizer_id = e.organizer_id")},
    {_A_CODE.format(of=f"p.event_id IS NULL AND p.organizer_id IS NULL AND {_ALL_ORGANIZERS_OR_THIS}")}, false)"""
# Uses indexes: events_slug, events_pkey, promos_event, promos_code
_READ = text(f"""
    SELECT {COLUMNS}, {_TAKES_PROMO_CODES} AS takes_promo_codes
    FROM events e WHERE e.slug = :key OR e.id = CAST(:id AS uuid)
""")


class EventRow(Protocol):
    """A row of `COLUMNS`, as far as it is read by name."""

    id: UUID
    organizer_id: UUID
    status: str
    cancelled_as_draft: bool
    start_date: datetime
    end_date: datetime
    gates_setting: datetime | None
    banner_url: str | None

    @property
    def _mapping(self) -> RowMapping: ...


def read(tx: Transaction, viewer: Principal | None, key: str) -> EventResponse:
    """The event with this id or slug. Raises NotFound, also where it is not public and not the viewer's."""
    row = tx.execute(_READ, {"key": key, "id": as_uuid(key)}).first()
    if row is None or (not is_public(row) and not (viewer and may_see(tx, viewer, row))):
        raise NotFound
    return responses(tx, [row])[0]


def get(tx: Transaction, event_id: UUID) -> EventResponse:
    """The event with this id, for callers whose access is checked already. Raises NotFound."""
    row = tx.execute(_READ, {"key": None, "id": event_id}).first()
    if row is None:
        raise NotFound
    return responses(tx, [row])[0]


def responses(tx: Transaction, rows: Sequence[EventRow]) -> list[EventResponse]:
    """The responses for rows of `COLUMNS`, with the tiers of each event."""
    found = tiers.by_event(tx, [row.id for row in rows])
    return [EventResponse(**row._mapping, tiers=found[row.id]) for row in rows]


def is_public(event: EventRow | EventResponse) -> bool:
    """True if anybody may see an event. A cancelled one is public if it was so before."""
    return event.status != EventStatus.DRAFT and not event.cancelled_as_draft


def may_see(tx: Transaction, viewer: Principal, row: EventRow) -> bool:
    """True if a caller may see and change an event that isn't public. Access of an admin is audited."""
    return authorization.check_access(tx, viewer, subject="event", subject_id=row.id, organizer_id=row.organizer_id)
