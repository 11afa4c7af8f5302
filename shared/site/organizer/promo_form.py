"""The form of a promo code: what it shows of one, and what it sends (TS-006)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from werkzeug.datastructures import MultiDict

from shared.catalog.promo_codes import NewPromo, PromoChange, PromoResponse
from shared.site import forms
from shared.site.languages import gettext_noop as _
from shared.site.languages import translate
from shared.site.organizer import edits, inputs
from shared.site.organizer.edits import EditConflict
from shared.web.pages import Language

_NUMBERS = ("max_discount", "minimum_spend", "max_uses", "max_uses_per_user", "budget")
_MOMENTS = ("starts_at", "ends_at")
_NO_LIMIT: Final = {"minimum_spend": 0}
"""The value that an empty field sends where that is not null."""


LABELS: Final = {
    "code": _("Promo code"),
    "value": _("Discount"),
    "unit": _("Counted in"),
    "percent": _("Discount"),
    "amount": _("Discount"),
    "max_discount": _("Discount at most"),
    "minimum_spend": _("From a total of"),
    "max_uses": _("Uses in all"),
    "max_uses_per_user": _("Uses per person"),
    "budget": _("All discounts together at most"),
    "starts_at": _("Counts from"),
    "ends_at": _("Counts until"),
    "applies_to": _("A use is"),
    "waives_fee": _("Without service fee"),
    "tier_ids": _("Only for"),
}


def values_of(promo: PromoResponse, tier_ids: Sequence[UUID], zone: str) -> dict[str, str]:
    """A code as the form's fields hold it: of the tickets that it is for, those that there still are."""
    return {
        "value": str(promo.percent or promo.amount),
        "unit": "percent" if promo.percent else "amount",
        **{name: str(getattr(promo, name) or "") for name in _NUMBERS},
        **{name: inputs.local_text(getattr(promo, name), zone) for name in _MOMENTS},
        "applies_to": promo.applies_to,
        "waives_fee": "true" if promo.waives_fee else "",
        "tier_ids": _joined(str(each) for each in promo.tier_ids or () if each in tier_ids),
    }


def new_promo(
    form: "MultiDict[str, str]", event_id: UUID | None, zone: str, language: Language
) -> tuple[NewPromo | None, dict[str, str]]:
    """The code that the form describes, or what is wrong with each field."""
    values = _values(form)
    code = inputs.texts(form, "code")["code"]
    given = {name: value for name, value in {"code": code, **_typed(values, zone)}.items() if value not in ("", None)}
    promo, errors = forms.read(NewPromo, {**given, "event_id": event_id}, language)
    errors |= _wrong(values, given, language)
    return (None if errors else promo), form_errors(errors, language)


def change(
    form: "MultiDict[str, str]", before: Mapping[str, str], zone: str, language: Language
) -> tuple[PromoChange | None, dict[str, str]]:
    """The changes of the code whose form this is, or what is wrong with each field."""
    values = _values(form)
    changed = {name: value for name, value in values.items() if value != before[name]}
    if {"value", "unit"} & set(changed):
        changed |= {"value": values["value"], "unit": values["unit"]}
    given = _typed(changed, zone)
    promo, errors = forms.read(PromoChange, given, language)
    errors |= _wrong(changed, given, language)
    return (None if errors else promo), form_errors(errors, language)


def find_conflict(form: "MultiDict[str, str]", current: Mapping[str, str]) -> EditConflict | None:
    """The fields of the code that somebody else has changed since this form was made of it."""
    return edits.find_conflict(form.get(edits.FIELD, ""), _values(form), current)


def form_errors(errors: Mapping[str, str], language: Language) -> dict[str, str]:
    """The errors under the names of the form's fields: of percentage and amount it has one."""
    renamed = {"value" if name in ("percent", "amount") else name: words for name, words in errors.items()}
    return inputs.with_labels(renamed, LABELS, language)


def labels(language: Language) -> dict[str, str]:
    """The label of each field, for the summary of what is wrong."""
    return {name: translate(language, words) for name, words in LABELS.items()}


def _values(form: "MultiDict[str, str]") -> dict[str, str]:
    texts = inputs.texts(form, "value", "unit", *_NUMBERS, *_MOMENTS, "applies_to", "waives_fee")
    chosen = {"unit": texts["unit"] or "percent", "applies_to": texts["applies_to"] or "order"}
    return {**texts, **chosen, "tier_ids": _joined(form.getlist("tier_ids"))}


def _typed(values: Mapping[str, str], zone: str) -> dict[str, Any]:
    """The values as the models take them."""
    typed: dict[str, Any] = {name: values[name] for name in ("applies_to",) if name in values}
    typed |= {name: inputs.amount(values[name]) or _NO_LIMIT.get(name) for name in _NUMBERS if name in values}
    typed |= {name: inputs.moment(values[name], zone) if values[name] else None for name in _MOMENTS if name in values}
    if "value" in values:
        chosen, other = ("amount", "percent") if values["unit"] == "amount" else ("percent", "amount")
        typed |= {chosen: inputs.amount(values["value"]), other: None}
    if "waives_fee" in values:
        typed["waives_fee"] = values["waives_fee"] == "true"
    if "tier_ids" in values:
        typed["tier_ids"] = values["tier_ids"].split() or None
    return typed


def _wrong(values: Mapping[str, str], given: Mapping[str, Any], language: Language) -> dict[str, str]:
    """The errors of the form that no model finds."""
    missing = {"value": translate(language, "Say how much the code takes off.")} if values.get("value") == "" else {}
    return inputs.unreadable_moments(given, _MOMENTS, language) | missing


def _joined(ids: Any) -> str:
    return " ".join(sorted(ids))
