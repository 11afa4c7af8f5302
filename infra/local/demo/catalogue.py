"""Puts the demo events into the catalogue, as their organizer would, each once."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from infra.local.demo.events import DemoEvent, all_events
from shared.catalog import digital_goods, editing, promo_codes, slugs
from shared.catalog.events import EventChange, EventResponse
from shared.cloud.database import Transaction, transaction
from shared.identity.tokens import Principal

_ORGANIZER = text("SELECT id FROM users WHERE terms_version = 'demo' AND role = 'organizer'")
_OF_ORGANIZER = text("SELECT id, slug FROM events WHERE organizer_id = :organizer_id ORDER BY created_at, id")
_STATE = text("""
    SELECT id, banner_url IS NULL AND status <> 'cancelled' AS lacks_banner,
        NOT EXISTS (SELECT 1 FROM orders o WHERE o.event_id = e.id) AS is_untouched
    FROM events e WHERE id = ANY(:ids)
""")
_AT_THE_GATE = text("""
    INSERT INTO event_staff (event_id, user_id)
    SELECT :event_id, id FROM users WHERE role = 'staff' AND organizer_id = :organizer_id
    ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True)
class Unfinished:
    """Events with their ids: those without a banner, and those that are to be sold or held and of which nothing is."""

    without_banner: list[tuple[UUID, DemoEvent]]
    untaken: list[tuple[UUID, DemoEvent]]


def organizer() -> Principal | None:
    """The demo organizer, where the database was seeded."""
    with transaction() as tx:
        found = tx.execute(_ORGANIZER).scalar()
    return Principal(found, "organizer", found) if found else None


def fill(organizer: Principal) -> None:
    """Add the events that the organizer does not have yet."""
    with transaction() as tx:
        there = _known(tx, organizer.id)
    missing = [event for stem, event in _by_stem().items() if stem not in there]
    for event in missing:
        _add(organizer, event)


def unfinished(organizer: Principal) -> Unfinished:
    """The events for which something is still to be done."""
    with transaction() as tx:
        ids = _known(tx, organizer.id)
        rows = tx.execute(_STATE, {"ids": list(ids.values())}).all()
    lacking, untouched = ({row.id for row in rows if getattr(row, name)} for name in ("lacks_banner", "is_untouched"))
    there = [(ids[stem], event) for stem, event in _by_stem().items() if stem in ids]
    return Unfinished(
        without_banner=[(event_id, event) for event_id, event in there if event_id in lacking],
        untaken=[(event_id, event) for event_id, event in there if event.taken and event_id in untouched],
    )


def _known(tx: Transaction, organizer_id: UUID) -> dict[str, UUID]:
    """The organizer's events by the beginning of their slugs, which stay when titles change."""
    rows = tx.execute(_OF_ORGANIZER, {"organizer_id": organizer_id}).all()
    return {row.slug.rpartition("-")[0]: row.id for row in rows}


def _add(organizer: Principal, event: DemoEvent) -> None:
    """Create an event with all that belongs to it, and give it its status."""
    with transaction() as tx:
        created = editing.create(tx, organizer, event.new)
        _offer(tx, organizer, created, event)
        if event.status != "draft":
            editing.change(tx, organizer, created.id, EventChange(status="published"))
        if event.status == "cancelled":
            editing.change(tx, organizer, created.id, EventChange(status="cancelled"))
        tx.execute(_AT_THE_GATE, {"event_id": created.id, "organizer_id": organizer.id})


def _by_stem() -> dict[str, DemoEvent]:
    """The events by what their slugs begin with."""
    return {slugs.stem(event.new.title): event for event in all_events()}


def _offer(tx: Transaction, organizer: Principal, created: EventResponse, event: DemoEvent) -> None:
    """Offer its codes and its digital goods."""
    for promo in event.promos:
        promo_codes.create(tx, organizer, promo.model_copy(update={"event_id": created.id}))
    tier_ids = {tier.name: tier.id for tier in created.tiers}
    for tier, units in event.units:
        digital_goods.upload(tx, organizer, created.id, tier_ids[tier], digital_goods.Upload(units=list(units)))
