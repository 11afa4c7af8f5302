"""An event: what it sells, its orders by state, payouts, cancellation, gate staff, and its audit trail."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, text

from shared.admin import timeline
from shared.admin.timeline import AuditEntry, Subjects, TaskEntry, TransferEntry
from shared.admin.user_record import MAX_LISTED, Item, items
from shared.cloud import authorization
from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.models import ResponseModel
from shared.problems import NotFound
from shared.reports import sales
from shared.reports.access import ReportedEvent
from shared.reports.periods import SalesQuery
from shared.reports.schemas import Totals

_EVENT = text("""
    SELECT e.id, e.title, e.slug, e.status, e.start_date, e.end_date, e.timezone, e.location, e.venue, e.created_at,
        e.organizer_id, u.full_name AS organizer_name, c.reason AS cancellation_reason, c.orders AS cancelled_orders,
        c.created_at AS cancelled_at, c.finished_at AS cancellation_finished_at, c.penalty,
        e.scan_from, e.scan_until
    FROM events e JOIN users u ON u.id = e.organizer_id LEFT JOIN event_cancellations c ON c.event_id = e.id
    WHERE e.id = :id
""")
_TIERS = text("""
    SELECT id, name, kind, price, quota, reserved, sold FROM ticket_tiers
    WHERE event_id = :id ORDER BY position, id  -- Uses index: ticket_tiers_event
""")
_ORDERS = text("""
    SELECT status, count(*) AS number FROM orders WHERE event_id = :id  -- Uses index: orders_event_created
    GROUP BY status ORDER BY number DESC
""")
_PAYOUTS = text("""
    SELECT id, created_at AS at, status, amount, COALESCE(failure, '') AS title FROM payouts
    WHERE event_id = :id ORDER BY created_at DESC LIMIT :limit  -- Uses index: payouts_event
""")
_TRANSFERS = text("""
    SELECT id FROM disbursements WHERE payout_id = ANY(:ids)  -- Uses index: disbursements_payout_attempt
""")
_STAFF = text("""
    SELECT u.id, s.created_at AS at, u.role AS status, u.full_name AS title
    FROM event_staff s JOIN users u ON u.id = s.user_id  -- Uses index: event_staff_pkey
    WHERE s.event_id = :id ORDER BY u.full_name LIMIT :limit
""")


class EventFacts(ResponseModel):
    """An event, its organizer, and how far its cancellation is, if it is cancelled. `penalty` in rupiah."""

    id: UUID
    title: str
    slug: str
    status: str
    start_date: datetime
    end_date: datetime
    timezone: str
    location: str
    venue: str | None
    created_at: datetime
    organizer_id: UUID
    organizer_name: str
    cancellation_reason: str | None
    cancelled_orders: int | None
    cancelled_at: datetime | None
    cancellation_finished_at: datetime | None
    penalty: int | None
    scan_from: datetime
    scan_until: datetime


class TierFacts(ResponseModel):
    """A tier and its counters. `price` in rupiah."""

    id: UUID
    name: str
    kind: str
    price: int
    quota: int
    reserved: int
    sold: int


class OrderCount(ResponseModel):
    """The number of orders in a state."""

    status: str
    number: int


class EventRecord(ResponseModel):
    """An event, with its sales and what belongs to it; `about` and `access_log` are the audit trail, newest first."""

    event: EventFacts
    tiers: list[TierFacts]
    orders: list[OrderCount]
    totals: Totals
    payouts: list[Item]
    transfers: list[TransferEntry]
    staff: list[Item]
    tasks: list[TaskEntry]
    about: list[AuditEntry]
    access_log: list[AuditEntry]


def read(tx: Transaction, admin: Principal, event_id: UUID) -> EventRecord:
    """The record of an event; `tx` is a snapshot. The access is audited. Raises NotFound."""
    values = {"id": event_id, "limit": MAX_LISTED}
    event = tx.execute(_EVENT, values).mappings().first()
    if event is None:
        raise NotFound
    authorization.record_list_access(tx, admin, subject="event", subject_id=event_id)
    tiers = [TierFacts(**row) for row in tx.execute(_TIERS, values).mappings()]
    payouts = items(tx, _PAYOUTS, values)
    transfers = tx.execute(_TRANSFERS, {"ids": [payout.id for payout in payouts]}).scalars().all()
    named = (
        ("tier", [tier.id for tier in tiers]),
        ("payout", [payout.id for payout in payouts]),
        ("transfer", list(transfers)),
    )
    subjects = Subjects((("event", event_id), *((kind, each) for kind, ids in named for each in ids)))
    return EventRecord(
        event=EventFacts(**event),
        tiers=tiers,
        orders=[OrderCount(**row) for row in tx.execute(_ORDERS, values).mappings()],
        totals=_totals(tx, event),
        payouts=payouts,
        transfers=timeline.transfers(tx, subjects),
        staff=items(tx, _STAFF, values),
        tasks=timeline.tasks(tx, subjects),
        about=timeline.audit_entries(tx, subjects)[:MAX_LISTED],
        access_log=timeline.audit_entries(tx, subjects, is_read=True)[:MAX_LISTED],
    )


def _totals(tx: Transaction, event: RowMapping) -> Totals:
    """The event's sales and earnings, as its organizer's report has it."""
    named = {name: event[name] for name in ("id", "organizer_id", "title", "slug", "timezone")}
    return sales.report(tx, ReportedEvent(**named), SalesQuery()).totals
