"""Events: what they consist of, and how they are shown (EM-001, 006, 017). `editing` changes them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator
from sqlalchemy import text

from shared import local_time
from shared.catalog import banners, tiers
from shared.catalog.banners import Banner
from shared.catalog.tiers import NewTier, TierChange, TierResponse, refuse_null
from shared.cloud import authorization
from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.models import RequestModel, ResponseModel, Trimmed, Utc, line, paragraphs, plain_line
from shared.problems import NotFound
from shared.states import EventStatus


def _known_zone(name: str) -> str:
    if name not in local_time.zones():
        raise ValueError("is not an IANA time zone, for example Asia/Jakarta")
    return name


Status = Literal["draft", "published", "cancelled"]
Title = Annotated[str, plain_line(255)]
LongText = Annotated[str, paragraphs(20_000)]
Category = Annotated[str, line(50)]
Place = Annotated[str, plain_line(255)]
TimeZone = Annotated[str, AfterValidator(_known_zone), Trimmed]
Capacity = Annotated[int, Field(ge=1, le=10_000_000)]
PerPerson = Annotated[int, Field(ge=1, le=10_000)]


class EventFacts(RequestModel):
    """An event as its organizer describes it.

    `gates_open_at`: from when tickets are scanned; null for 6 hours before the start.
    `refund_after_change`: a buyer may give everything back once its dates, time zone or place have changed.
    `name_change_deadline`: until then buyers may change who holds a ticket; its start where it is null.
    """

    title: Title
    description: LongText = ""
    category: Category
    location: Place
    venue: Place | None = None
    start_date: Utc
    end_date: Utc
    timezone: TimeZone = "Asia/Jakarta"
    capacity: Capacity
    terms: LongText = ""
    gates_open_at: Utc | None = None
    refund_after_change: bool = True
    name_change_deadline: Utc | None = None
    max_per_person: PerPerson | None = None
    """How much one person may have of all tiers together; null: two orders' worth of each tier."""
    one_purchase_per_person: bool = False


class NewEvent(EventFacts):
    """A new event with its tiers. Its status is draft."""

    tiers: list[NewTier] = Field(default_factory=list, max_length=tiers.MOST_AT_ONCE)


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
    """What to change of an event: a field that is left out stays as it is.

    null empties `venue`, `gates_open_at` and `name_change_deadline`, or lifts a limit. Where `start_date` changes and
    `gates_open_at` is left out, the gates move with the start.

    A tier in `tiers` with an id is changed, one without is added, one that isn't listed stays as it is.
    """

    title: Title | None = None
    description: LongText | None = None
    category: Category | None = None
    location: Place | None = None
    venue: Place | None = None
    start_date: Utc | None = None
    end_date: Utc | None = None
    timezone: TimeZone | None = None
    capacity: Capacity | None = None
    terms: LongText | None = None
    gates_open_at: Utc | None = None
    refund_after_change: bool | None = None
    name_change_deadline: Utc | None = None
    max_per_person: PerPerson | None = None
    one_purchase_per_person: bool | None = None
    status: Status | None = None
    tiers: list[TierInList] = Field(default_factory=list, max_length=tiers.MOST_AT_ONCE)

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
        "status",
    )
    @classmethod
    def _not_null(cls, value: object) -> object:
        return refuse_null(value)


class EventResponse(ResponseModel):
    """An event as it is shown, with its tiers. Times are UTC; `timezone` is the zone to show them in."""

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
    refund_after_change: bool = True
    name_change_deadline: datetime | None = None
    max_per_person: int | None
    one_purchase_per_person: bool
    banner_url: str | None
    banner: Banner | None = None
    created_at: datetime
    tiers: list[TierResponse]
    cancelled_as_draft: Annotated[bool, Field(exclude=True, repr=False)] = False

    @property
    def is_public(self) -> bool:
        """Whether everybody may see it."""
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
    e.name_change_deadline, {banners.COLUMN}
"""
# Uses indexes: events_slug, events_pkey
_READ = text(f"SELECT {COLUMNS} FROM events e WHERE e.slug = :key OR e.id = CAST(:id AS uuid)")


def read(tx: Transaction, viewer: Principal | None, key: str) -> EventResponse:
    """The event with this id or slug. Raises NotFound, also where it was never public and is not the viewer's."""
    row = tx.execute(_READ, {"key": key, "id": as_uuid(key)}).first()
    if row is None or (not is_public(row) and not (viewer and may_see(tx, viewer, row))):
        raise NotFound
    return answers(tx, [row])[0]


def get(tx: Transaction, event_id: UUID) -> EventResponse:
    """The event with this id, for those who have just shown that it is theirs. Raises NotFound."""
    row = tx.execute(_READ, {"key": None, "id": event_id}).first()
    if row is None:
        raise NotFound
    return answers(tx, [row])[0]


def answers(tx: Transaction, rows: Sequence[Any]) -> list[EventResponse]:
    """Rows of `COLUMNS` with the tiers of each."""
    found = tiers.of_events(tx, [row.id for row in rows])
    return [EventResponse(**row._mapping, tiers=found[row.id]) for row in rows]


def is_public(event: Any) -> bool:
    """Whether everybody may see it: cancelling makes public what had been, and nothing else."""
    return event.status != EventStatus.DRAFT and not event.cancelled_as_draft


def may_see(tx: Transaction, viewer: Principal, row: Any) -> bool:
    """Whether an event that isn't public is theirs to see, and to change. An admin leaves a trace."""
    return authorization.may_see(tx, viewer, subject="event", subject_id=row.id, organizer_id=row.organizer_id)


def as_uuid(key: str) -> UUID | None:
    """The id that `key` is; None for a slug."""
    try:
        return UUID(key)
    except ValueError:
        return None
