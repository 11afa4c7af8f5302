"""The form of an event with its tiers on one page: what it shows of an event, and what it sends (EM-001, EM-008)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from werkzeug.datastructures import MultiDict

from shared import local_time
from shared.catalog.events import EventChange, EventResponse, ListedTierChange, NewEvent
from shared.catalog.tiers import NewTier
from shared.site import forms
from shared.site.languages import gettext_noop as _
from shared.site.languages import translate
from shared.site.organizer import edits, inputs, tier_form
from shared.site.organizer.edits import EditConflict
from shared.web.pages import Language

EMPTY_ROWS: Final = 2
_TEXTS = ("title", "description", "category", "location", "venue", "timezone", "terms")
_MOMENTS = ("start_date", "end_date", "gates_open_at", "name_change_deadline", "waiting_room_opens_at")
_NUMBERS = ("capacity", "max_per_person")
_CHECKS = ("refund_after_change", "one_purchase_per_person", "allows_reentry")
_CLEARED = {"venue", "gates_open_at", "name_change_deadline", "max_per_person", "waiting_room_opens_at"}
"""Fields that are null where they are left empty; an empty capacity is that of the tickets."""
_ROW = ("name", "price", "quota")


LABELS: Final = {
    "title": _("Title"),
    "category": _("Category"),
    "description": _("Description"),
    "start_date": _("Begins"),
    "end_date": _("Ends"),
    "timezone": _("Time zone"),
    "location": _("City"),
    "venue": _("Venue"),
    "capacity": _("Capacity"),
    "terms": _("Your own terms"),
    "gates_open_at": _("Gates open"),
    "name_change_deadline": _("Names can be changed until"),
    "waiting_room_opens_at": _("The waiting room opens"),
    "max_per_person": _("Most tickets per person"),
    "refund_after_change": _("Money back after a change"),
    "one_purchase_per_person": _("One order per person"),
    "allows_reentry": _("Leaving and coming back"),
    "name": _("Name of the ticket"),
    "price": _("Price"),
    "quota": _("How many"),
}


@dataclass(frozen=True)
class Row:
    """The row of one tier, as typed. `id` is empty for a new one."""

    number: int
    id: str = ""
    name: str = ""
    price: str = ""
    quota: str = ""

    @property
    def is_empty(self) -> bool:
        """True for a row that nobody has filled in."""
        return not (self.id or self.name or self.price or self.quota)

    @property
    def given(self) -> dict[str, str]:
        """Its fields that are not empty, as the model takes them."""
        numbers = {"price": inputs.amount(self.price), "quota": inputs.amount(self.quota)}
        return {name: value for name, value in {"name": self.name, **numbers}.items() if value}


def values_of(event: EventResponse) -> dict[str, str]:
    """An event as the form's fields hold it."""
    return {
        **{name: inputs.unix_lines(getattr(event, name) or "") for name in _TEXTS},
        **{name: inputs.local_text(getattr(event, name), event.timezone) for name in _MOMENTS},
        **{name: str(getattr(event, name) or "") for name in _NUMBERS},
        **{name: "true" if getattr(event, name) else "" for name in _CHECKS},
    }


def rows_of(event: EventResponse) -> list[Row]:
    """The tiers of an event as the form's rows."""
    return [
        Row(number, str(tier.id), tier.name, str(tier.price), str(tier.quota))
        for number, tier in enumerate(event.tiers)
    ]


def empty_rows(rows: Sequence[Row] = (), count: int = EMPTY_ROWS) -> list[Row]:
    """Rows, and so many empty ones after them."""
    return [*rows, *(Row(len(rows) + number) for number in range(count))]


def rows(form: "MultiDict[str, str]") -> list[Row]:
    """The rows that were sent, however many: of tickets beyond what an event may have, the organizer is told."""
    numbers = [number for number in range(len(form)) if f"t{number}_name" in form]
    return [Row(number, form.get(f"t{number}_id", ""), *_row_texts(form, number)) for number in numbers]


def all_values_of(event: EventResponse) -> dict[str, str]:
    """An event with its tiers as the form's fields hold them, each field of a tier under the tier's id."""
    return values_of(event) | _by_tier(rows_of(event))


def find_conflict(form: "MultiDict[str, str]", event: EventResponse) -> EditConflict | None:
    """The fields of the event that somebody else has changed since this form was made of it."""
    typed = _values(form) | _by_tier(rows(form))
    return edits.find_conflict(form.get(edits.FIELD, ""), typed, all_values_of(event))


def merged_rows(shown: Sequence[Row], merged: Mapping[str, str]) -> list[Row]:
    """The rows that were sent, with what somebody else has changed and nobody has touched here."""
    return [
        replace(row, **{name: merged.get(f"{row.id}_{name}", getattr(row, name)) for name in _ROW}) for row in shown
    ]


def by_field(values: Mapping[str, str], shown: Sequence[Row]) -> dict[str, str]:
    """The values under the names of the form's fields: those of a tier under its row's."""
    names = {f"{row.id}_{name}": f"t{row.number}_{name}" for row in shown for name in _ROW}
    return {names.get(name, name): value for name, value in values.items()}


def labels(shown: Sequence[Row], language: Language) -> dict[str, str]:
    """The label of each field, for the summary of what is wrong."""
    ticket = translate(language, "Ticket")
    named = {name: translate(language, words) for name, words in LABELS.items()}
    in_rows = {f"t{row.number}_{name}": f"{ticket} {row.number + 1}, {named[name]}" for row in shown for name in _ROW}
    return named | in_rows


def new_event(form: "MultiDict[str, str]", language: Language) -> tuple[NewEvent | None, dict[str, str]]:
    """The event that the form describes, or what is wrong with each field."""
    filled = [row for row in rows(form) if not row.is_empty]
    tiers, errors = _read_rows(NewTier, {row.number: row.given for row in filled}, language)
    given = {name: value for name, value in _typed(form, _values(form), filled).items() if value != ""}
    event, wrong = forms.read(NewEvent, {**given, "tiers": tiers}, language)
    if "capacity" not in given:  # that of the tickets, so what is missing is theirs
        wrong.pop("capacity", None)
        if not filled:
            wrong["capacity"] = translate(language, "say how many people may come, or fill in a ticket")
    errors = wrong | inputs.unreadable_moments(given, _MOMENTS, language) | errors
    return (None if errors else event), inputs.with_labels(errors, LABELS, language)


def change(
    form: "MultiDict[str, str]", event: EventResponse, language: Language
) -> tuple[EventChange | None, dict[str, str]]:
    """The changes of the event that the form was made of, or what is wrong with each field.

    What was not touched is left out, so that nobody takes back what somebody else has changed meanwhile.
    """
    filled = [row for row in rows(form) if not row.is_empty]
    known = {row.id: row for row in rows_of(event)}
    moved = _moved_sales(event, form.get("timezone", ""))
    changed = {row.number: _changed_row(row, known[row.id]) | moved[row.id] for row in filled if row.id in known}
    added = {row.number: row.given for row in filled if row.id not in known}
    changes, errors = _read_rows(ListedTierChange, {key: row for key, row in changed.items() if len(row) > 1}, language)
    new, wrong_new = _read_rows(NewTier, added, language)
    given = _changed_facts(form, event, filled)
    facts, wrong = forms.read(EventChange, {**given, "tiers": [*changes, *new]}, language)
    needed = {name: value for name, value in given.items() if name not in ("description", "terms")}
    wrong |= inputs.unreadable_moments(given, _MOMENTS, language) | inputs.missing(needed, language)
    errors = wrong | errors | wrong_new
    return (None if errors else facts), inputs.with_labels(errors, LABELS, language)


def _values(form: "MultiDict[str, str]") -> dict[str, str]:
    return inputs.texts(form, *_TEXTS, *_MOMENTS, *_NUMBERS, *_CHECKS)


def _by_tier(shown: Sequence[Row]) -> dict[str, str]:
    return {f"{row.id}_{name}": getattr(row, name) for row in shown if row.id for name in _ROW}


def _row_texts(form: "MultiDict[str, str]", number: int) -> list[str]:
    return list(inputs.texts(form, *(f"t{number}_{name}" for name in _ROW)).values())


def _typed(form: "MultiDict[str, str]", values: Mapping[str, str], filled: Sequence[Row]) -> dict[str, Any]:
    """The values as the model takes them."""
    zone = form.get("timezone", "")
    moments = {name: inputs.moment(values[name], zone) for name in _MOMENTS if name in values}
    numbers = {name: inputs.amount(values[name]) for name in _NUMBERS if name in values}
    if numbers.get("capacity") == "":
        numbers["capacity"] = _all_quotas(filled)
    checks = {name: values[name] == "true" for name in _CHECKS if name in values}
    return {**values, **moments, **numbers, **checks}


def _all_quotas(filled: Sequence[Row]) -> str:
    quotas = [int(quota) for row in filled if (quota := inputs.amount(row.quota)).isdigit()]
    return str(sum(quotas)) if quotas else ""


def _changed_facts(form: "MultiDict[str, str]", event: EventResponse, filled: Sequence[Row]) -> dict[str, Any]:
    before, after = values_of(event), _values(form)
    moves = {*_MOMENTS} if after["timezone"] != before["timezone"] else set()
    changed = {name: value for name, value in after.items() if value != before[name] or name in moves}
    typed = _typed(form, changed, filled)
    return {name: None if value == "" and name in _CLEARED else value for name, value in typed.items()}


def _changed_row(row: Row, before: Row) -> dict[str, Any]:
    """The fields of a tier that were changed, and its id."""
    changed = {name: getattr(row, name) for name in _ROW if getattr(row, name) != getattr(before, name)}
    return {
        "id": row.id,
        **{name: value if name == "name" else inputs.amount(value) for name, value in changed.items()},
    }


def _moved_sales(event: EventResponse, zone: str) -> dict[str, dict[str, datetime]]:
    """The moments of the tiers' sales in another zone of the event: their hours on the clock stay, as its own do."""
    if zone == event.timezone or zone not in local_time.zones():
        return {str(tier.id): {} for tier in event.tiers}
    before, after = ZoneInfo(event.timezone), ZoneInfo(zone)
    return {
        str(tier.id): {
            name: moment.astimezone(before).replace(tzinfo=after)
            for name in tier_form.MOMENTS
            if (moment := getattr(tier, name))
        }
        for tier in event.tiers
    }


def _read_rows(
    model: type[BaseModel], given: Mapping[int, Mapping[str, Any]], language: Language
) -> tuple[list[Any], dict[str, str]]:
    """The models of some rows, and what is wrong with the fields of each."""
    read: list[Any] = []
    errors: dict[str, str] = {}
    for number, row in given.items():
        tier, wrong = forms.read(model, dict(row), language)
        read.append(tier)
        errors |= {f"t{number}_{name}": message for name, message in wrong.items()}
    return [tier for tier in read if tier], errors
