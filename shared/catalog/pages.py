"""What visitors read of the catalogue, from the shared cache where it has it (CACHE-001, CACHE-002, CACHE-005).

A page is kept with the version it belongs to. Changing an event ends the version of its page and of
all lists, so that what somebody is about to keep of the time before is not shown any more. Without the
cache every page comes from the database; where it fails just as a version should end, the old page is
seen until its time is over.

Organizers, their staff and admins always read the database, for they look at what they have just changed.
"""

import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from uuid import UUID, uuid4

from pydantic import BaseModel
from sqlalchemy import text

from shared.catalog import events, search
from shared.catalog.events import EventAnswer
from shared.catalog.search import EventSearch
from shared.cloud import live
from shared.cloud.database import Transaction, after_commit, transaction
from shared.identity.tokens import Principal
from shared.models import Listing
from shared.sales import availability

LIST_SECONDS = 300
PAGE_SECONDS = 30
VERSION_SECONDS = 3600  # longer than anything is kept under it

M = TypeVar("M", bound=BaseModel)

_ALL_LISTS = "lists"
_BROWSED_BY = {"category", "sort", "page", "page_size"}
_NOW = text("SELECT now()")


class _Page(BaseModel):
    """An event as the database had it at a moment."""

    at: datetime
    event: EventAnswer


def browse(wanted: EventSearch) -> Listing[EventAnswer]:
    """One page of the upcoming events. What many look through is kept; what one searches for is not."""

    def read() -> Listing[EventAnswer]:
        with transaction() as tx:
            return search.upcoming(tx, wanted)

    if not wanted.model_fields_set <= _BROWSED_BY:
        return read()
    query = hashlib.sha256(wanted.model_dump_json().encode()).hexdigest()
    return _kept(f"list:{query}", _ALL_LISTS, LIST_SECONDS, Listing[EventAnswer], read)


def show(viewer: Principal | None, key: str) -> EventAnswer:
    """The event with this id or slug. Raises NotFound; a draft is there for its organizer and admins only."""
    if viewer is not None and viewer.role != "customer":
        with transaction() as tx:
            return events.read(tx, viewer, key)
    name = _name(key)
    if name is None:
        return _read_page(key).event
    page = _kept(_page(name), _page(name), PAGE_SECONDS, _Page, lambda: _read_page(key))
    return _with_stock_of_now(page)


def changed_with(tx: Transaction, event_id: UUID, slug: str) -> None:
    """Show nothing of the time before, once `tx` has committed a change of this event or its tiers."""

    def end_versions() -> None:
        for group in (_page(str(event_id)), _page(slug), _ALL_LISTS):
            live.put(_version(group), uuid4().hex, seconds=VERSION_SECONDS)

    after_commit(tx, end_versions)


def _kept(key: str, group: str, seconds: float, model: type[M], read: Callable[[], M]) -> M:
    """What is kept under `key` in the group's present version, or else what `read` gives, kept from now on."""
    kept, version = live.get(key, _version(group))
    if kept is not None and kept["version"] == version:
        return model.model_validate(kept["answer"])
    answer = read()
    live.put(key, {"version": version, "answer": answer.model_dump(mode="json")}, seconds=seconds)
    return answer


def _read_page(key: str) -> _Page:
    with transaction() as tx:
        return _Page(at=tx.execute(_NOW).scalar_one(), event=events.read(tx, None, key))


def _with_stock_of_now(page: _Page) -> EventAnswer:
    newest = availability.published(page.event.id)
    if newest is None or newest.at <= page.at:
        return page.event
    tiers = [
        tier.with_stock(newest.tiers[tier.id].reserved, newest.tiers[tier.id].sold) if tier.id in newest.tiers else tier
        for tier in page.event.tiers
    ]
    return page.event.model_copy(update={"tiers": tiers})


def _name(key: str) -> str | None:
    """The one way to write an id or slug; None for what can be neither."""
    return key.lower() if re.fullmatch(r"[A-Za-z0-9-]{1,100}", key) else None


def _page(name: str) -> str:
    return f"event:{name}"


def _version(group: str) -> str:
    return f"version:{group}"
