"""Editing of events by their organizers: create, change, publish, cancel, delete (EM-001, 003, 005, 012).

    draft ◄──► published ──► cancelled

Once tickets are held or sold, an event stays published until it is cancelled with refunds for everybody
(POST events/{id}/cancel). As its end decides when the organizer is paid (FN-006), they may only postpone it from then
on; an admin may bring it forward too. Once the payout is made, its dates are fixed. Every change of an event or its
tiers locks the event's row first (`lock`).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.banners import Banner
from shared.catalog import banner_deletion, event_changes, events, public_views, slugs, tiers
from shared.catalog.events import (
    COLUMNS,
    EventChange,
    EventFields,
    EventResponse,
    EventRow,
    ListedTierChange,
    NewEvent,
)
from shared.catalog.tiers import NewTier, ParentEvent, TierChange, TierOrder, TierResponse
from shared.cloud import audit, clock
from shared.cloud.database import Transaction
from shared.identity.tokens import Principal
from shared.problems import Invalid, NotFound, Problem, violated_constraint
from shared.sentences import Sentence
from shared.states import EventStatus


class TicketsTaken(Problem):
    """Tickets of this event are sold or held. To cancel it and pay everybody back, POST to `cancel_at`."""

    status, slug = 409, "tickets-taken"


class EventCancelled(Problem):
    """This event is cancelled for good. Create a new one."""

    status, slug = 409, "event-cancelled"


class NotDeletable(Problem):
    """Only a draft that nobody ever ordered from can be deleted. Cancel the event instead."""

    status, slug = 409, "not-deletable"


class DatesFixed(Problem):
    """This event's organizer has been paid, so its dates can't change any more. Create a new event."""

    status, slug = 409, "dates-fixed"


class OnlyPostponed(Problem):
    """Tickets are sold or held for these dates, so you may postpone only. Ask our support for an earlier date."""

    status, slug = 409, "only-postponed"


_INSERT = text("""
    INSERT INTO events (organizer_id, slug, title, description, category, location, venue, start_date, end_date,
        timezone, capacity, terms, gates_open_at, refund_after_change, name_change_deadline,
        max_per_person, one_purchase_per_person, allows_reentry, waiting_room_opens_at)
    VALUES (:organizer_id, :slug, :title, :description, :category, :location, :venue, :start_date, :end_date,
        :timezone, :capacity, :terms, :gates_open_at, :refund_after_change, :name_change_deadline,
        :max_per_person, :one_purchase_per_person, :allows_reentry, :waiting_room_opens_at)
    ON CONFLICT (slug) DO NOTHING
    RETURNING id
""")
# This lock does not block buyers: their orders only need the event to exist.
# A synthetic event is nobody's to edit.
_READ = text(f"SELECT {COLUMNS} FROM events e WHERE e.id = :id AND NOT e.is_synthetic")
_LOCK = text(f"SELECT {COLUMNS} FROM events e WHERE e.id = :id AND NOT e.is_synthetic FOR NO KEY UPDATE")
_UPDATE = text("""
    UPDATE events
    SET title = :title, description = :description, category = :category, location = :location, venue = :venue,
        start_date = :start_date, end_date = :end_date, timezone = :timezone, capacity = :capacity,
        terms = :terms, gates_open_at = :gates_open_at, refund_after_change = :refund_after_change,
        name_change_deadline = :name_change_deadline, max_per_person = :max_per_person,
        one_purchase_per_person = :one_purchase_per_person, allows_reentry = :allows_reentry,
        waiting_room_opens_at = :waiting_room_opens_at, status = :status,
        cancelled_as_draft = (status = 'draft' AND :status = 'cancelled'), updated_at = now()
    WHERE id = :id
""")
# A payout is created under this event's lock (shared/payouts/creation.py), so none is missed.
_IS_PAID_OUT = text("SELECT EXISTS (SELECT 1 FROM payouts WHERE event_id = :id)")
_SET_BANNER = text("""
    UPDATE events SET banner_url = :url, banner = CAST(:banner AS jsonb), updated_at = now() WHERE id = :id
""")
_CANCEL = text("""
    UPDATE events SET status = 'cancelled', cancelled_as_draft = (status = 'draft'), updated_at = now() WHERE id = :id
""")
_DELETE = text("DELETE FROM events WHERE id = :id")
MAX_GATES_OPEN_BEFORE = timedelta(days=30)
"""The limit keeps a mistyped date from opening the gate, and using tickets up, too early."""

_DATES = ("start_date", "end_date")
_ORDER_CONSTRAINTS = {"orders_event_id_fkey", "order_items_tier_id_fkey"}


def create(tx: Transaction, caller: Principal, new: NewEvent) -> EventResponse:
    """Create a draft with its tiers, owned by the caller's organizer or by the admin who calls.

    Raises Invalid, CapacityExceeded.
    """
    _validate(new)
    organizer_id = caller.organizer_id or caller.id
    event_id = _insert(tx, organizer_id, new)
    parent = ParentEvent(event_id, organizer_id, new.capacity, is_on_sale=False, ends_at=new.end_date)
    tiers.save_tiers(tx, parent, new=new.tiers)
    _audit(tx, "event.created", caller, event_id)
    return events.get(tx, event_id)


def change(tx: Transaction, caller: Principal, event_id: UUID, wanted: EventChange) -> EventResponse:
    """Change an event, its status and its tiers. Cancelling it again changes nothing.

    Raises NotFound, Invalid, EventCancelled, TicketsTaken, DatesFixed, OnlyPostponed, and what tiers.save_tiers raises.
    """
    stored = lock(tx, caller, event_id)
    known = event_changes.notified_fields(tx, event_id)
    given = wanted.model_dump(exclude_unset=True, exclude={"tiers"})
    if stored.status == EventStatus.CANCELLED:
        if given != {"status": EventStatus.CANCELLED} or wanted.tiers:
            raise EventCancelled
        return events.get(tx, event_id)
    status: str = given.pop("status", stored.status)
    facts = _fields(stored).model_copy(update={**_moved_gates(stored, given), **given})
    _validate(facts)
    moved = {name: given[name] for name in _DATES if name in given and given[name] != stored._mapping[name]}
    if moved:
        _check_dates(tx, event_id, moved)
    tx.execute(_UPDATE, {**facts.model_dump(), "status": status, "id": event_id})
    parent = _parent(stored, status, facts)
    is_earlier = any(moment < stored._mapping[name] for name, moment in moved.items())
    if is_earlier or (parent.is_on_sale, parent.ends_at) != (stored.status == EventStatus.PUBLISHED, stored.end_date):
        taken = _copy_sale_state(tx, parent)
        if is_earlier and taken and caller.role != "admin":
            raise OnlyPostponed
    _save_tiers(tx, parent, wanted)
    if {stored.status, status} != {EventStatus.DRAFT}:
        public_views.invalidate_after_commit(tx, event_id)
    if stored.status == status == EventStatus.PUBLISHED:
        event_changes.record(tx, event_id, known)
    if status != stored.status:
        _audit(tx, "event.status_changed", caller, event_id, before=stored.status, after=status)
    _audit_dates(tx, caller, stored, facts)
    return events.get(tx, event_id)


def cancel(tx: Transaction, stored: EventRow) -> None:
    """Cancel a locked event (from `lock`) and take its tiers off sale, even if some are held or sold.

    shared/payments/cancellation.py calls this and ends the orders.
    """
    tx.execute(_CANCEL, {"id": stored.id})
    tiers.copy_sale_state(tx, _parent(stored, EventStatus.CANCELLED, _fields(stored)))
    public_views.invalidate_after_commit(tx, stored.id)


def delete(tx: Transaction, caller: Principal, event_id: UUID) -> None:
    """Delete a draft and its tiers. Raises NotFound, NotDeletable."""
    stored = lock(tx, caller, event_id)
    if stored.status != EventStatus.DRAFT:
        raise NotDeletable
    banner_deletion.delete_later(tx, stored.banner_url)
    try:
        tx.execute(_DELETE, {"id": event_id})
    except DBAPIError as error:
        if violated_constraint(error) in _ORDER_CONSTRAINTS:
            raise NotDeletable from error
        raise
    _audit(tx, "event.deleted", caller, event_id)


def add_tier(tx: Transaction, caller: Principal, event_id: UUID, tier: NewTier) -> TierResponse:
    """Add a tier, on sale at once if the event is. Raises NotFound, EventCancelled and what tiers.save_tiers raises."""
    parent = _parent_of(lock_changeable(tx, caller, event_id))
    [tier_id] = tiers.save_tiers(tx, parent, new=[tier])
    public_views.invalidate_after_commit(tx, event_id)
    return tiers.read(tx, tier_id)


def change_tier(tx: Transaction, caller: Principal, event_id: UUID, tier_id: UUID, wanted: TierChange) -> TierResponse:
    """Change a tier. Raises NotFound, EventCancelled and what tiers.save_tiers raises."""
    parent = _parent_of(lock_changeable(tx, caller, event_id))
    known = event_changes.notified_fields(tx, event_id)
    tiers.save_tiers(tx, parent, changes={tier_id: wanted})
    public_views.invalidate_after_commit(tx, event_id)
    if parent.is_on_sale:
        event_changes.record(tx, event_id, known)
    return tiers.read(tx, tier_id)


def delete_tier(tx: Transaction, caller: Principal, event_id: UUID, tier_id: UUID) -> None:
    """Delete a tier that nobody ever ordered from. Raises NotFound, EventCancelled, TierHasOrders."""
    lock_changeable(tx, caller, event_id)
    tiers.delete(tx, event_id, tier_id)
    public_views.invalidate_after_commit(tx, event_id)
    audit.record(tx, "tier.deleted", subject="tier", subject_id=tier_id, actor_id=caller.id, event_id=str(event_id))


def reorder_tiers(tx: Transaction, caller: Principal, event_id: UUID, order: TierOrder) -> EventResponse:
    """Show the tiers in this order. Raises NotFound, EventCancelled, Invalid."""
    lock_changeable(tx, caller, event_id)
    tiers.reorder(tx, event_id, order)
    public_views.invalidate_after_commit(tx, event_id)
    return events.get(tx, event_id)


def set_banner(tx: Transaction, caller: Principal, event_id: UUID, banner: Banner) -> EventResponse:
    """Show a banner with the event in place of the one before. Raises NotFound, EventCancelled."""
    before = lock_changeable(tx, caller, event_id).banner_url
    tx.execute(_SET_BANNER, {"id": event_id, "url": banner.url, "banner": banner.model_dump_json()})
    banner_deletion.delete_later(tx, before)
    public_views.invalidate_after_commit(tx, event_id)
    _audit(tx, "event.banner_set", caller, event_id, url=banner.url)
    return events.get(tx, event_id)


def lock(tx: Transaction, caller: Principal, event_id: UUID) -> EventRow:
    """Lock the row of one of the caller's events (`events.COLUMNS`) until `tx` ends. Raises NotFound."""
    return _own(tx, caller, tx.execute(_LOCK, {"id": event_id}).first())


def read(tx: Transaction, caller: Principal, event_id: UUID) -> EventRow:
    """Like `lock`, but without the lock, for a GET, whose snapshot may lock nothing. Raises NotFound."""
    return _own(tx, caller, tx.execute(_READ, {"id": event_id}).first())


def _own(tx: Transaction, caller: Principal, row: EventRow | None) -> EventRow:
    if row is None or not events.may_see(tx, caller, row):
        raise NotFound
    return row


def lock_changeable(tx: Transaction, caller: Principal, event_id: UUID) -> EventRow:
    """Like `lock`, for changes that a cancelled event refuses. Raises EventCancelled too."""
    stored = lock(tx, caller, event_id)
    if stored.status == EventStatus.CANCELLED:
        raise EventCancelled
    return stored


def _parent_of(stored: EventRow) -> ParentEvent:
    return _parent(stored, stored.status, _fields(stored))


def _parent(stored: EventRow, status: str, facts: EventFields) -> ParentEvent:
    return ParentEvent(stored.id, stored.organizer_id, facts.capacity, status == EventStatus.PUBLISHED, facts.end_date)


def _fields(stored: EventRow) -> EventFields:
    known = {name: stored._mapping[name] for name in EventFields.model_fields}
    return EventFields.model_construct(**{**known, "gates_open_at": stored.gates_setting})


def _validate(facts: EventFields) -> None:
    if facts.end_date <= facts.start_date:
        raise Invalid.field("end_date", "must be after start_date")
    if facts.waiting_room_opens_at and facts.waiting_room_opens_at >= facts.end_date:
        raise Invalid.field("waiting_room_opens_at", "must be before end_date")
    if facts.gates_open_at is None:
        return
    if facts.gates_open_at >= facts.end_date:
        raise Invalid.field("gates_open_at", "must be before end_date")
    if facts.gates_open_at < facts.start_date - MAX_GATES_OPEN_BEFORE:
        early = Sentence("must be at most {days} days before start_date", days=MAX_GATES_OPEN_BEFORE.days)
        raise Invalid.field("gates_open_at", early)


def _moved_gates(stored: EventRow, given: Mapping[str, Any]) -> dict[str, datetime]:
    """The new opening of the gates where the start moves: as long before it as it was, unless it is given too."""
    if "start_date" not in given or stored.gates_setting is None:
        return {}
    return {"gates_open_at": stored.gates_setting + (given["start_date"] - stored.start_date)}


def _check_dates(tx: Transaction, event_id: UUID, moved: Mapping[str, datetime]) -> None:
    """Refuse past dates, and any change after the payout, which is due some days after the end (FN-006)."""
    if tx.execute(_IS_PAID_OUT, {"id": event_id}).scalar_one():
        raise DatesFixed
    past = [name for name, moment in moved.items() if moment <= clock.now()]
    if past:
        raise Invalid(errors=[{"field": name, "message": "must be in the future"} for name in past])


def _copy_sale_state(tx: Transaction, parent: ParentEvent) -> int:
    """Copy the sale state to the tiers; return the held and sold units, which can't grow before `tx` ends."""
    taken = tiers.copy_sale_state(tx, parent)
    if taken and not parent.is_on_sale:
        raise TicketsTaken(cancel_at=f"/api/v1/events/{parent.id}/cancel")
    return taken


def _save_tiers(tx: Transaction, parent: ParentEvent, wanted: EventChange) -> None:
    changes: dict[UUID, TierChange] = {}
    new: list[NewTier] = []
    for tier in wanted.tiers:
        if isinstance(tier, ListedTierChange):
            changes[tier.id] = tier
        else:
            new.append(tier)
    tiers.save_tiers(tx, parent, new=new, changes=changes)


def _insert(tx: Transaction, organizer_id: UUID, new: NewEvent) -> UUID:
    values = {**new.model_dump(exclude={"tiers"}), "organizer_id": organizer_id}
    inserted: Iterator[UUID | None] = (
        tx.execute(_INSERT, {**values, "slug": slug}).scalar() for slug in slugs.candidates(new.title)
    )
    return next(event_id for event_id in inserted if event_id)


def _audit_dates(tx: Transaction, caller: Principal, stored: EventRow, facts: EventFields) -> None:
    audited = (*_DATES, "waiting_room_opens_at")
    known = {**{name: stored._mapping[name] for name in audited}, "gates_open_at": stored.gates_setting}
    for name, before in known.items():
        after = getattr(facts, name)
        if before != after:
            moments = {"before": before and clock.rfc3339(before), "after": after and clock.rfc3339(after)}
            _audit(tx, f"event.{name}_changed", caller, stored.id, **moments)


def _audit(tx: Transaction, action: str, caller: Principal, event_id: UUID, **details: str | None) -> None:
    audit.record(tx, action, subject="event", subject_id=event_id, actor_id=caller.id, **details)
