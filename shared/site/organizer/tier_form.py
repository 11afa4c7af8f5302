"""The form of one tier with everything that can be said of it: what it shows, and what it sends (EM-008..011)."""

from collections.abc import Mapping
from typing import Any, Final

from werkzeug.datastructures import MultiDict

from shared.catalog.tiers import NewTier, TierChange, TierResponse
from shared.site import forms
from shared.site.languages import gettext_noop as _
from shared.site.languages import translate
from shared.site.organizer import edits, inputs
from shared.site.organizer.edits import EditConflict
from shared.web.pages import Language

_TEXTS = ("name", "description", "kind", "code")
_NUMBERS = ("price", "quota", "max_per_order", "early_bird_price")
MOMENTS = ("sale_start", "sale_end", "early_bird_start", "early_bird_end")
_CHECKS = ("requires_identity", "refundable_after_reveal")
_CLEARED = {*MOMENTS, "early_bird_price"}
"""Fields that are null where they are left empty."""


LABELS: Final = {
    "name": _("Name of the ticket"),
    "description": _("Description"),
    "kind": _("Kind"),
    "price": _("Price"),
    "quota": _("How many"),
    "max_per_order": _("Most per order"),
    "sale_start": _("Sale begins"),
    "sale_end": _("Sale ends"),
    "early_bird_price": _("Early-bird price"),
    "early_bird_start": _("Early-bird price from"),
    "early_bird_end": _("Early-bird price until"),
    "requires_identity": _("Identity number"),
    "code": _("Code for buying by WhatsApp"),
    "refundable_after_reveal": _("Given back after it was shown"),
}


def empty(kind: str) -> dict[str, str]:
    """The fields of a new tier."""
    return {"kind": kind, "max_per_order": "5"}


def values_of(tier: TierResponse, zone: str) -> dict[str, str]:
    """A tier as the form's fields hold it."""
    numbers = {name: getattr(tier, name) for name in _NUMBERS}
    return {
        **{name: inputs.unix_lines(getattr(tier, name)) for name in _TEXTS},
        **{name: "" if number is None else str(number) for name, number in numbers.items()},
        **{name: inputs.local_text(getattr(tier, name), zone) for name in MOMENTS},
        **{name: "true" if getattr(tier, name) else "" for name in _CHECKS},
    }


def labels(language: Language) -> dict[str, str]:
    """The label of each field, for the summary of what is wrong."""
    return {name: translate(language, words) for name, words in LABELS.items()}


def new_tier(form: "MultiDict[str, str]", zone: str, language: Language) -> tuple[NewTier | None, dict[str, str]]:
    """The tier that the form describes, or what is wrong with each field."""
    given = {name: value for name, value in _typed(_values(form), zone).items() if value not in ("", None)}
    tier, errors = forms.read(NewTier, given, language)
    return tier, _form_errors(errors, given, language)


def change(
    form: "MultiDict[str, str]", tier: TierResponse, zone: str, language: Language
) -> tuple[TierChange | None, dict[str, str]]:
    """The changes of the tier that the form was made of, or what is wrong with each field."""
    before = values_of(tier, zone)
    changed = {name: value for name, value in _values(form).items() if value != before[name]}
    given = _typed(changed, zone)
    wanted, errors = forms.read(TierChange, given, language)
    errors |= inputs.missing({name: value for name, value in given.items() if name != "description"}, language)
    return (None if errors else wanted), _form_errors(errors, given, language)


def find_conflict(form: "MultiDict[str, str]", tier: TierResponse, zone: str) -> EditConflict | None:
    """The fields of the tier that somebody else has changed since this form was made of it."""
    return edits.find_conflict(form.get(edits.FIELD, ""), _values(form), values_of(tier, zone))


def _values(form: "MultiDict[str, str]") -> dict[str, str]:
    return inputs.texts(form, *_TEXTS, *_NUMBERS, *MOMENTS, *_CHECKS)


def _typed(values: Mapping[str, str], zone: str) -> dict[str, Any]:
    """The values as the models take them."""
    typed: dict[str, Any] = dict(values)
    typed |= {name: inputs.amount(values[name]) for name in _NUMBERS if name in values}
    typed |= {name: inputs.moment(values[name], zone) for name in MOMENTS if values.get(name)}
    typed |= {name: values[name] == "true" for name in _CHECKS if name in values}
    return {name: None if value == "" and name in _CLEARED else value for name, value in typed.items()}


def _form_errors(errors: dict[str, str], given: Mapping[str, Any], language: Language) -> dict[str, str]:
    return inputs.with_labels(errors | inputs.unreadable_moments(given, MOMENTS, language), LABELS, language)
