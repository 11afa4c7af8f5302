"""An event's attendees: a page of them, or all in one file (AR-004, REP-1).

An attendee is a place that was paid for and not given back: of tickets and registrations, not of goods. No list shows
identity numbers. Every look and every export is audited.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field
from sqlalchemy import text

from shared import local_time
from shared.cloud import audit, clock
from shared.cloud.database import Transaction, batches, replica_snapshot, transaction
from shared.field_types import line
from shared.identity.tokens import Principal
from shared.models import File, Listing, PageQuery, ResponseModel
from shared.reports import daily_figures, export_files, figures, patterns, periods
from shared.reports.access import ReportedEvent, require_event
from shared.reports.export_files import Form
from shared.reports.periods import SalesQuery
from shared.reports.tables import Cell, Column, Language, Table

_SOURCE = f"""
    FROM {figures.SALES_SOURCE} JOIN ticket_tiers t ON t.id = i.tier_id  -- Uses index: orders_event_paid
    LEFT JOIN tickets k ON k.order_item_id = i.id LEFT JOIN bib_numbers b ON b.item_id = i.id
    WHERE o.event_id = :event_id AND o.status = 'paid' AND i.returned_at IS NULL
      AND t.kind IN ('ticket', 'registration') AND {periods.contains("o.paid_at")}
      AND (CAST(:tier_id AS uuid) IS NULL OR i.tier_id = CAST(:tier_id AS uuid))
      AND (CAST(:q AS text) IS NULL OR i.attendee_name ILIKE :anywhere OR i.attendee_email ILIKE :anywhere
        OR i.id = ANY(ARRAY(
            SELECT bib.item_id FROM bib_numbers bib JOIN ticket_tiers own ON own.id = bib.tier_id
            WHERE own.event_id = :event_id AND CAST(bib.number AS text) = CAST(:q AS text))))
"""
_ALL = f"""
    SELECT i.id AS item_id, o.id AS order_id, k.id AS ticket_id, i.attendee_name AS name, i.attendee_email AS email,
        t.name AS tier_name, o.created_at AS ordered_at, k.validated_at AS checked_in_at, b.number AS bib_number
    {_SOURCE} ORDER BY o.created_at, o.id, i.position
"""
_EVERYBODY = text(_ALL)
_PAGE = text(f"{_ALL} LIMIT :page_size OFFSET :offset")
_COUNT = text(f"SELECT count(*) {_SOURCE}")
_TIERS = text("""
    SELECT id FROM ticket_tiers  -- Uses index: ticket_tiers_event
    WHERE event_id = :event_id AND kind IN ('ticket', 'registration')
""")
_TITLES: dict[Language, tuple[str, ...]] = {
    "id": ("Nama", "E-mail", "Kategori", "Tanggal pesan ({zone})", "Check-in ({zone})", "BIB"),
    "en": ("Name", "E-mail", "Tier", "Order date ({zone})", "Check-in ({zone})", "BIB"),
}
_WIDTHS = (32, 38, 24, 20, 20, 8)
_NAMES: dict[Language, str] = {"id": "Peserta", "en": "Attendees"}


class AttendeeQuery(SalesQuery):
    """The attendees of orders that were paid in the period, of one tier or all; `q` is part of a name, address or BIB.

    `format` json gives a page of them, the others all in one file, its titles in `language`.
    """

    q: Annotated[str, line(100)] | None = None
    format: Literal["json", "csv", "xlsx", "pdf"] = "json"
    language: Language = "id"
    page: Annotated[int, Field(ge=1, le=100_000)] = 1
    page_size: Annotated[int, Field(ge=1, le=100)] = 20


class Attendee(ResponseModel):
    """An attendee. `ordered_at` is when the order was made, `checked_in_at` when the gate let them in."""

    item_id: UUID
    order_id: UUID
    ticket_id: UUID | None
    name: str | None
    email: str | None
    tier_name: str
    ordered_at: datetime
    checked_in_at: datetime | None
    bib_number: int | None


def page(caller: Principal, event_id: UUID, wanted: AttendeeQuery) -> Listing[Attendee]:
    """A page of an event's attendees in the order of their purchases. Raises NotFound."""
    with transaction() as tx:
        event = require_event(tx, caller, event_id, subject="attendees", of_people=True)
    query = PageQuery(page=wanted.page, page_size=wanted.page_size)
    values = _values(event, wanted)
    with replica_snapshot() as tx:
        periods.plan_for_these_values(tx)
        rows = tx.execute(_PAGE, {**values, "page_size": query.page_size, "offset": query.offset}).mappings().all()
        total = tx.execute(_COUNT, values).scalar_one() if wanted.q else _kept_count(tx, event, wanted)
    return Listing[Attendee].of(query, [Attendee(**row) for row in rows], total)


def export(caller: Principal, event_id: UUID, wanted: AttendeeQuery, form: Form) -> File:
    """All of an event's attendees in one file. Raises NotFound, ExportTooLarge."""
    with transaction() as tx:
        event = require_event(tx, caller, event_id, subject="attendees")
        audit.record(tx, "attendees.exported", subject="event", subject_id=event_id, actor_id=caller.id, format=form)
    with replica_snapshot() as tx:
        periods.plan_for_these_values(tx)
        return _file(tx, event, wanted, form)


def _file(tx: Transaction, event: ReportedEvent, wanted: AttendeeQuery, form: Form) -> File:
    values = _values(event, wanted)
    export_files.refuse_too_many(tx.execute(_COUNT, values).scalar_one(), form)
    table = _table(event, wanted.language, batches(tx, _EVERYBODY, values))
    return export_files.write(form, [table], f"{_NAMES[wanted.language].lower()}-{event.slug}.{form}")


def _kept_count(tx: Transaction, event: ReportedEvent, wanted: AttendeeQuery) -> int:
    """The number of attendees: the units sold of tickets and registrations."""
    tiers = tx.execute(_TIERS, {"event_id": event.id}).scalars().all()
    found = daily_figures.read(tx, event.id, wanted.within(event.timezone), wanted.tier_id)
    return sum(row[figures.SOLD.name] for row in found.sales if row["tier_id"] in tiers)


def _values(event: ReportedEvent, wanted: AttendeeQuery) -> dict[str, Any]:
    period = wanted.within(event.timezone)
    values = {"event_id": event.id, "tier_id": wanted.tier_id, "q": wanted.q, "anywhere": patterns.anywhere(wanted.q)}
    return {**period.values, **values}


def _table(event: ReportedEvent, language: Language, rows: Iterable[Any]) -> Table:
    zone = local_time.zone_label(clock.now(), event.timezone)
    titles = (title.format(zone=zone) for title in _TITLES[language])
    columns = [Column(title, width) for title, width in zip(titles, _WIDTHS, strict=True)]
    return Table(_NAMES[language], event.title, columns, _cells(rows, ZoneInfo(event.timezone)), language)


def _cells(rows: Iterable[Any], zone: ZoneInfo) -> Iterator[tuple[Cell, ...]]:
    for row in rows:
        checked_in_at = row.checked_in_at and _local(row.checked_in_at, zone)
        yield row.name, row.email, row.tier_name, _local(row.ordered_at, zone), checked_in_at, row.bib_number


def _local(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, microsecond=0)
