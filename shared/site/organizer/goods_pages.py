"""An event's goods: products and what waits of them at the counter, digital goods and their codes (PROD-1, PROD-2)."""

import csv
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from shared.catalog import digital_goods
from shared.catalog.digital_goods import MAX_UNITS_PER_UPLOAD
from shared.cloud.database import snapshot, transaction
from shared.identity.tokens import Principal
from shared.problems import Invalid, NotFound, Problem
from shared.site import forms
from shared.site.organizer import desk, tier_pages
from shared.tickets import pickups
from shared.web import App, MaxBytes, Organizer, Upload
from shared.web.pages import Page, PageRequest, Redirect

MAX_FILE_BYTES = 900_000

pages = App("site")


@pages.page("/organizer/events/{event_id}/goods")
def goods(request: PageRequest, event_id: UUID, organizer: Organizer) -> Page:
    """The event's products and digital goods, with what waits at the counter."""
    return _page(request, organizer, event_id)


@pages.form("/organizer/events/{event_id}/goods/{tier_id}/units")
def add_units(request: PageRequest, event_id: UUID, tier_id: UUID, organizer: Organizer) -> Page | Redirect:
    """Put the codes up for sale that were typed, one on each line."""
    return _upload(request, organizer, event_id, tier_id, request.form.get("units", "").splitlines())


@pages.form("/organizer/events/{event_id}/goods/{tier_id}/file")
def add_file(
    request: PageRequest,
    event_id: UUID,
    tier_id: UUID,
    units: Annotated[Upload, MaxBytes(MAX_FILE_BYTES)],
    organizer: Organizer,
) -> Page | Redirect:
    """Put the codes of a CSV file up for sale: the first column of each row."""
    return _upload(request, organizer, event_id, tier_id, first_column(units.content))


def first_column(content: bytes) -> list[str]:
    """The first cell of each row of a CSV file, in UTF-8 or in what older spreadsheets write."""
    try:
        words = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        words = content.decode("latin-1")
    separator = ";" if ";" in words.partition("\n")[0] else ","
    return [row[0] for row in csv.reader(words.replace("\x00", "").splitlines(), delimiter=separator) if row]


def _upload(
    request: PageRequest, organizer: Principal, event_id: UUID, tier_id: UUID, lines: Sequence[str]
) -> Page | Redirect:
    units = [line.strip() for line in lines if line.strip()]
    try:
        added, duplicates = _add(organizer, event_id, tier_id, units, request)
    except NotFound:
        raise
    except Problem as problem:
        return _page(request, organizer, event_id, problem)
    return Redirect(f"{desk.address(event_id, 'goods')}?added={added}&duplicates={duplicates}")


def _add(
    organizer: Principal, event_id: UUID, tier_id: UUID, units: Sequence[str], request: PageRequest
) -> tuple[int, int]:
    """Add all units or none; how many were new, and how many were offered before. Raises Problem."""
    added = 0
    with transaction() as tx:
        for first in range(0, max(len(units), 1), MAX_UNITS_PER_UPLOAD):
            some = list(units[first : first + MAX_UNITS_PER_UPLOAD])
            wanted, errors = forms.read(digital_goods.Upload, {"units": some}, request.language)
            if wanted is None:
                raise Invalid(errors=[{"field": "units", "message": words} for words in errors.values()])
            added += digital_goods.upload(tx, organizer, event_id, tier_id, wanted).added
    return added, len(units) - added


def _page(request: PageRequest, organizer: Principal, event_id: UUID, problem: Problem | None = None) -> Page:
    with snapshot() as tx:
        waiting = pickups.counts(tx, event_id)
    added, duplicates = (forms.whole_number(request.query.get(name, ""), 1_000_000) for name in ("added", "duplicates"))
    return tier_pages.listing(
        request, organizer, event_id, "goods", problem, pickups=waiting, added=added, duplicates=duplicates
    )
